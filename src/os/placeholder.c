int room_os_placeholder;
