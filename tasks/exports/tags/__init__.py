"""Writing a few tags into MP3, FLAC and Ogg files and leaving every other byte as it was."""
