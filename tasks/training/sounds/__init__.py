"""Sounds made or changed while training: augmentation, single hits, reverberation, synthetic voices."""
