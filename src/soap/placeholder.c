int room_soap_placeholder;
