int room_wql_placeholder;
