"""What lies on disk beside what a catalogue knows of it: the contents of what was found, and what was moved away."""

import duckdb
import pyarrow as pa

from storage.catalogue.comparison import (
    DiskState,
    ambiguous_paths,
    contents_by_identity,
    paths_elsewhere,
    unread_paths,
)
from storage.paths import path_of
from storage.urls import is_url
from tasks.labelling.finding import hash_files
from tasks.remote.listing import is_there


def read_disk_state(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> DiskState:
    """The state once every file was read whose bytes a run must know: those that are new or look changed."""
    return _disk_state(connection, found, hash_files(unread_paths(connection, found)))


def likely_disk_state(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> DiskState:
    """The state as a preview needs it: only files that may be copies are read.

    A size that nothing else has belongs to nothing that is known.
    """
    return _disk_state(connection, found, hash_files(ambiguous_paths(connection, found)))


def _disk_state(connection: duckdb.DuckDBPyConnection, found: pa.Table, hashes: dict[str, str]) -> DiskState:
    digests = {**contents_by_identity(connection, found), **hashes}
    elsewhere = paths_elsewhere(connection, found, digests)
    return DiskState(found, digests, [place for place in elsewhere if not _is_there(place)])


def _is_there(place: str) -> bool:
    return is_there(place) if is_url(place) else path_of(place).exists()
