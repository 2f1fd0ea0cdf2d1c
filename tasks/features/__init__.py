"""Features of audio: the log-mel transform with its frozen configuration, and chroma."""
