int room_auth_placeholder;
