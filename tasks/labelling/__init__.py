"""Labelling files: finding them, analysing each, running the network, the outcome or the quarantine."""
