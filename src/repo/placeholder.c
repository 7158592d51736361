int room_repo_placeholder;
