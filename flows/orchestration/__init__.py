"""Settings, artifacts and secrets of Prefect."""
