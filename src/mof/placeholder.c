int room_mof_placeholder;
