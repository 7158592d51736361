int room_cimom_placeholder;
