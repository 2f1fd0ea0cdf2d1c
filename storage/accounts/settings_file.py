"""The settings file of a user, `config.toml`: what stands in for flags and variables that are not given."""

import os
import tomllib
from pathlib import Path
from typing import Final

import platformdirs

from storage.errors import UserError

SETTINGS: Final[dict[str, type]] = {
    **{"workspace": str, "workers": int, "dask": str, "max_errors": int, "time_limit": float},
    **{"bpm_range": str, "publish_to": str, "memory_limit": str},
}
"""What may stand in the file, by the names of the flags."""

_DESCRIBED: Final[dict[type, str]] = {str: "a text in quotes", int: "a whole number", float: "a number"}

Settings = dict[str, str | int | float]


def settings_path() -> Path:
    """Where the file is: `ROLECALL_CONFIG`, else `config.toml` in the platform's folder for settings of rolecall."""
    named = os.environ.get("ROLECALL_CONFIG", "").strip()
    if named:
        return Path(named)
    try:
        return Path(platformdirs.user_config_dir("rolecall", appauthor=False)) / "config.toml"
    except RuntimeError:
        return Path("config.toml").absolute()  # this user has no home


def read_settings(path: Path) -> Settings:
    """What the file says; nothing where there is none. Raises UserError for what it may not say, naming the file."""
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}; mend it, or name another with ROLECALL_CONFIG") from error
    for name, value in said.items():
        kind = SETTINGS.get(name)
        if kind is None:
            raise UserError(f"{path}: no setting is called {name!r}; there are {', '.join(SETTINGS)}")
        if type(value) is not kind and (kind, type(value)) != (float, int):
            raise UserError(f"{path}: {name} must be {_DESCRIBED[kind]}")
    return said
