"""Prefect's settings for a quiet, self-contained run; applied before Prefect is first imported."""

import os
from pathlib import Path


def prepare_prefect(home: Path) -> None:
    """Set what the user has not set: everything stays in `home`, nothing is sent anywhere, little is said."""
    defaults = {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # Errors reach the user as exceptions; Prefect would print each of them a second time.
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
        "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    # The server does not make its folder: without it, it fails to open its database and times out.
    Path(os.environ["PREFECT_HOME"]).mkdir(parents=True, exist_ok=True)
