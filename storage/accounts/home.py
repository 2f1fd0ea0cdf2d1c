"""What belongs to the person and not to one workspace: logins, and how often a server was asked under a key."""

from pathlib import Path

import platformdirs


def logins_folder() -> Path:
    """Where logins are kept, readable by nobody else."""
    return Path(platformdirs.user_config_dir("rolecall", appauthor=False)) / "logins"


def counters_folder() -> Path:
    """Where requests are counted: a server's limits hold for a key, whichever workspace uses it."""
    return Path(platformdirs.user_state_dir("rolecall", appauthor=False)) / "requests"
