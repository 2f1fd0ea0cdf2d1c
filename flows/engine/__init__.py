"""The Dask cluster: opening it, streaming batches through it, ending it cleanly."""
