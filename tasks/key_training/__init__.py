"""Sounds of known key, the mixes made from them, and the fit of the key network."""
