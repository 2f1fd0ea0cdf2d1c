"""Finding what to label: a walk over folders, or the rows of a manifest, as one table."""

import os
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from storage.catalogue.comparison import FOUND_SCHEMA
from storage.files import sha256_of
from storage.paths import path_of, path_text
from storage.vocabulary import Kind
from tasks.audio.library import Omissions, Walk
from tasks.metadata.file_names import bpm_in_name, kind_in_name, number_in_name
from tasks.metadata.keys_in_names import key_in_name
from tasks.metadata.manifests import read_manifest

_ROWS_A_BATCH: Final = 65_536
_HASHED_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class Found:
    """The files to label as a table (`FOUND_SCHEMA`), and what a walk passed over."""

    table: pa.Table
    omissions: Omissions = field(default_factory=Omissions)


def find_audio(paths: Sequence[Path]) -> Found:
    """Every audio file at or below `paths`, once; raises UserError for a path that is not there."""
    rows, walk = _Rows(), Walk(paths)
    for folder, name in walk.audio():
        rows.add(f"{folder}/{name}", name)
    return Found(rows.table(), walk.omissions)


def find_listed(manifest: Path) -> Found:
    """Every file of a manifest, whether it is there or not; raises UserError naming the first line that is wrong."""
    rows = _Rows()
    for row in read_manifest(manifest):
        rows.add(str(row.path), row.path.name, row.kind(), row.bpm(), row.first_downbeat_s(), row.cells.get("key"))
    return Found(rows.table())


def look_again(told: pa.Table) -> pa.Table:
    """Rows of `FOUND_SCHEMA` with size and mtime as they are now."""
    looks = [_look(path_of(path)) for path in told.column("path").to_pylist()]
    for place, name in enumerate(("size", "mtime_ns")):
        column = FOUND_SCHEMA.get_field_index(name)
        told = told.set_column(column, FOUND_SCHEMA.field(name), pa.array([look[place] for look in looks], pa.int64()))
    return told


def hash_files(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of every regular file that can be read; one that cannot is left out, and labelling says why."""
    waiting, digests = iter(paths), dict[str, str]()
    with ThreadPoolExecutor(max_workers=4) as pool:
        # A million at once would be a million futures, which take a kilobyte each.
        while some := list(islice(waiting, _HASHED_AT_ONCE)):
            digests.update((path, digest) for path, digest in pool.map(_hash, some) if digest is not None)
    return digests


def _hash(path: str) -> tuple[str, str | None]:
    file = path_of(path)
    try:
        # A pipe would be waited for until somebody writes to it.
        return path, sha256_of(file) if stat.S_ISREG(file.stat().st_mode) else None
    except OSError:
        return path, None


class _Rows:
    """Rows of `FOUND_SCHEMA`, kept as columns: a million files as dicts would fill the memory."""

    def __init__(self) -> None:
        self._batches: list[pa.RecordBatch] = []
        self._columns: list[list[Any]] = [[] for _ in FOUND_SCHEMA]

    def add(
        self,
        path: str,
        name: str,
        kind: Kind | None = None,
        bpm: float | None = None,
        first_downbeat_s: float | None = None,
        key: str | None = None,
    ) -> None:
        size, mtime_ns = _look(path)
        name_key = " ".join(filter(None, key_in_name(name))) or None
        by_name = (bpm_in_name(name), number_in_name(name), kind_in_name(name))
        row = (path_text(path), size, mtime_ns, kind, bpm, *by_name, first_downbeat_s, key, name_key)
        for column, value in zip(self._columns, row, strict=True):
            column.append(value)
        if len(self._columns[0]) == _ROWS_A_BATCH:
            self._close_batch()

    def table(self) -> pa.Table:
        self._close_batch()
        return pa.Table.from_batches(self._batches, schema=FOUND_SCHEMA)

    def _close_batch(self) -> None:
        arrays = [pa.array(column, kind.type) for column, kind in zip(self._columns, FOUND_SCHEMA, strict=True)]
        self._batches.append(pa.record_batch(arrays, schema=FOUND_SCHEMA))
        self._columns = [[] for _ in FOUND_SCHEMA]


def _look(path: str | Path) -> tuple[int | None, int | None]:
    try:
        # Path.stat costs twice as much, and this is asked a million times.
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
