int room_net_placeholder;
