int room_wsman_placeholder;
