"""Reading audio: decoding, truncation, loudness, stretching, degradations."""
