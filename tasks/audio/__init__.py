"""Reading audio: layouts of files, decoding, the mix of channels, loudness, stretching, degradations."""
