int room_codec_placeholder;
