"""The work itself: plain functions and small classes over arrays, files and tables; no Prefect, no Dask."""
