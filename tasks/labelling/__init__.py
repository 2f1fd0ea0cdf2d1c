"""Labelling files: finding them, analysing each, asking the network, the outcome."""
