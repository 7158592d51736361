int room_cim_placeholder;
