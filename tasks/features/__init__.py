"""Features of audio: the log-mel transform with its frozen configuration, chroma, and the key network on it."""
