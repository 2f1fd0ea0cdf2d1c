"""The report: one HTML file with what a catalogue, or a part of it, holds."""
