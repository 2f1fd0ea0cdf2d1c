"""When and where: Prefect flows, the Dask engine behind them, and the command line."""
