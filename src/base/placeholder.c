int room_base_placeholder;
