"""Folders of this person, outside any workspace: one for logins, one for request counters."""

from pathlib import Path

import platformdirs


def logins_folder() -> Path:
    """The folder of login tokens, readable by its owner alone."""
    return Path(platformdirs.user_config_dir("rolecall", appauthor=False)) / "logins"


def counters_folder() -> Path:
    """The folder of request counters: a server's limits hold for a key, whichever workspace uses it."""
    return Path(platformdirs.user_state_dir("rolecall", appauthor=False)) / "requests"
