"""Flows that label: a catalogue, the schedule, the demo, the benchmark, a manifest of beats."""
