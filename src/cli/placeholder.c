int room_cli_placeholder;
