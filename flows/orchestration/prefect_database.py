"""Prefect's own database: copied from one that is ready, and set aside where another version of Prefect wrote it."""

import shutil
import sqlite3
from contextlib import closing, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import platformdirs

from flows.terminal.streams import say
from storage.files import atomic_path

DATABASE: Final = "prefect.db"
_NOTE: Final = "memo_store.toml"
"""Where Prefect notes which kinds of blocks it has entered, so that it need not do it again."""


def fits(home: Path) -> bool:
    """Whether this Prefect can open the database in a folder; True where there is none yet."""
    database = home / DATABASE
    if not database.exists():
        return True
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            revisions = [str(revision) for (revision,) in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.OperationalError:
        return True  # no table yet, or somebody writes it: Prefect will say
    except sqlite3.DatabaseError:
        return False
    known = _known_migrations()
    return not known or all(any(f"_{revision}_" in name for name in known) for revision in revisions)


def set_aside(home: Path) -> None:
    """Rename the database in a folder, and what SQLite keeps beside it, so that a new one can be made."""
    number = 1 + len(list(home.glob(f"other-*-{DATABASE}")))
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", _NOTE):
        with suppress(FileNotFoundError):
            (home / name).rename(home / f"other-{number}-{name}")
    say(f"{home / DATABASE} was written by another version of Prefect: it is now other-{number}-{DATABASE} beside it")


def copy_template(home: Path) -> bool:
    """Put a database that is ready into a folder without one; True if the folder had none and there was no template.

    A database of Prefect goes through a hundred migrations when it is made, which take longer than labelling a track.
    """
    if (home / DATABASE).exists():
        return False
    try:
        for name in (_NOTE, DATABASE):
            with atomic_path(home / name, 0o600) as temporary:
                shutil.copyfile(_template() / name, temporary)
    except (OSError, _NoHomeError):
        return True
    return False


def keep_template(home: Path) -> None:
    """Keep the database of a folder, in which nothing has been run yet, for others; where there is no room, do not."""
    with suppress(OSError, sqlite3.Error, _NoHomeError):
        with atomic_path(_template() / _NOTE) as temporary:
            shutil.copyfile(home / _NOTE, temporary)
        with atomic_path(_template() / DATABASE) as temporary:
            _copy_database(home / DATABASE, temporary)


def _copy_database(made: Path, target: Path) -> None:
    """Copy a database that its server has open, as one file."""
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")


_NoHomeError: Final = RuntimeError
"""What platformdirs raises where the system knows no home of this user."""


def _template() -> Path:
    """The folder of the template: one for each version of Prefect, in the user's cache."""
    return Path(platformdirs.user_cache_dir("rolecall", appauthor=False)) / f"prefect-{version('prefect')}"


def _known_migrations() -> list[str]:
    """The names of this Prefect's migrations, which hold their revisions; told without importing its server."""
    spec = find_spec("prefect")
    places = list(spec.submodule_search_locations or ()) if spec else []
    return [
        path.name
        for place in places
        for path in Path(place, "server", "database", "_migrations", "versions", "sqlite").glob("*.py")
    ]
