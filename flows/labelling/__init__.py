"""Flows that label: a catalogue, the schedule, the benchmark, a manifest of beats; and what their Dask workers run."""
