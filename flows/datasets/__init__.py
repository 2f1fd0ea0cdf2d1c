"""Flows that make data sets: build, verify, soft labels; and what their Dask workers run."""
