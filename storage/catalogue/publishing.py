"""How the published catalogue is replaced and opened, whatever other programs do with the file and leave beside it.

Readers open `catalogue.duckdb`, and some of them with a tool that writes: it holds the file, and where it is killed it
leaves a log of its writes, `catalogue.duckdb.wal`, that fits no later catalogue.
"""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import duckdb

from storage.errors import UserError
from storage.files import atomic_path, remove_leftovers

_HOLDER: Final = re.compile(r"Conflicting lock is held in (?P<program>.+?) \(PID (?P<process>\d+)\)")


class CatalogueHeldError(UserError):
    """Another program has the catalogue open for writing, so that nobody else can read it."""


def foreign_log(catalogue: Path) -> Path | None:
    """The log that another program left beside the catalogue, None if there is none."""
    real = catalogue.resolve()
    log = real.with_name(f"{real.name}.wal")
    return log if os.path.lexists(log) else None


def require_replaceable(catalogue: Path) -> None:
    """Raise UserError if something is in the catalogue's place that a file cannot replace."""
    if catalogue.is_dir():
        raise UserError(f"{catalogue} is a folder; move it away, so that the catalogue can be published there")


@contextmanager
def replaced_catalogue(catalogue: Path) -> Iterator[Path]:
    """Lend a temporary path that becomes the catalogue on leaving without an error; who has the old one open keeps it.

    A link in the catalogue's place stays a link. What a killed run and other programs left beside it is removed.
    """
    require_replaceable(catalogue)
    real = catalogue.resolve()
    remove_leftovers(real.parent, real.name)
    with atomic_path(real) as temporary:
        yield temporary
        # Before the rename: a log that is younger than the catalogue would make it unreadable for every program.
        remove_foreign_log(catalogue)


def remove_foreign_log(catalogue: Path) -> None:
    """Remove the log that another program left; what it wrote is in no catalogue of ours."""
    log = foreign_log(catalogue)
    if log is not None:
        log.unlink(missing_ok=True)


@contextmanager
def opened_read_only(catalogue: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The catalogue as it was published, read only, whatever lies beside it.

    Raises CatalogueHeldError naming the holder, or UserError if it cannot be opened.
    """
    with ExitStack() as held:
        try:
            path = held.enter_context(_name_without_log(catalogue))
            connection = duckdb.connect(str(path), read_only=True)
        except (duckdb.Error, OSError) as error:
            raise _cannot_open(catalogue, error) from error
        held.callback(connection.close)
        yield connection


@contextmanager
def _name_without_log(catalogue: Path) -> Iterator[Path]:
    """A name of the catalogue's file beside which no other program's log lies."""
    if foreign_log(catalogue) is None:
        yield catalogue
        return
    real = catalogue.resolve()
    with tempfile.TemporaryDirectory(prefix=".reading-", dir=real.parent) as folder:
        name = Path(folder, real.name)
        os.link(real, name)  # DuckDB follows a symbolic link to the log; a second name of the file has none
        yield name


def trouble_with(catalogue: Path) -> str | None:
    """What stands in the catalogue's way, or lies beside it, with the remedy; None where all is well."""
    if not catalogue.exists():
        return None
    try:
        with opened_read_only(catalogue):
            pass
    except UserError as error:
        return str(error)
    log = foreign_log(catalogue)
    return f"{log} was left by another program; rolecall verify --repair removes it" if log else None


def _cannot_open(catalogue: Path, error: Exception) -> UserError:
    """What to say of a catalogue that could not be opened: who holds it or what is in its place, and what to do."""
    if holder := _HOLDER.search(str(error)):
        return CatalogueHeldError(
            f"cannot open {catalogue}: it is open for writing in {holder['program']} (process {holder['process']}); "
            "close it there, or open it read-only there"
        )
    if catalogue.is_dir():
        return UserError(f"cannot open {catalogue}: it is a folder; move it away")
    return UserError(f"cannot open {catalogue}: {error}; rolecall verify --repair publishes it again")
