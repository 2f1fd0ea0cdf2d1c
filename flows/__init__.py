"""Prefect flows, the Dask cluster that runs their work, and the command line."""
