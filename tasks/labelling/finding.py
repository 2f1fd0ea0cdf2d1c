"""Finding what to label: a walk over folders, or the rows of a manifest, as one table."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from storage.catalogue.comparison import FOUND_SCHEMA
from storage.errors import UserError
from storage.files import sha256_of
from storage.vocabulary import Kind
from tasks.audio.decoding import EXTENSIONS
from tasks.audio.readers import FOREIGN
from tasks.metadata.file_names import bpm_in_name, key_in_name
from tasks.metadata.manifests import absolute, read_manifest

_AUDIO: Final = tuple(EXTENSIONS | FOREIGN)
_ROWS_A_BATCH: Final = 65_536
_HASHED_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class Found:
    """The files to label as a table (`FOUND_SCHEMA`), and how many other files were passed over."""

    table: pa.Table
    passed_over: int


def find_audio(paths: Sequence[Path]) -> Found:
    """Every audio file at or below `paths`, once; raises UserError for a path that is not there.

    A name that is not UTF-8, of a file or of a folder above it, cannot be told to a database and is passed over.
    """
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} is not there; name a file or a folder of audio")
    rows, passed_over = _Rows(), 0
    for root in _outermost([absolute(path) for path in paths]):
        for folder, names in _walk(root):
            for name in names:
                file = f"{folder}/{name}"
                if name.lower().endswith(_AUDIO) and _is_text(file):
                    rows.add(file, name)
                else:
                    passed_over += 1
    return Found(rows.table(), passed_over)


def find_listed(manifest: Path) -> Found:
    """Every file of a manifest, whether it is there or not; raises UserError naming the first line that is wrong."""
    rows, listed = _Rows(), set()
    for row in read_manifest(manifest):
        if row.path in listed:
            raise UserError(f"{row.where}: {row.path} is listed twice; keep one of the lines")
        listed.add(row.path)
        rows.add(str(row.path), row.path.name, row.kind(), row.bpm(), row.first_downbeat_s(), row.cells.get("key"))
    return Found(rows.table(), 0)


def look_again(told: pa.Table) -> pa.Table:
    """Rows of `FOUND_SCHEMA` with size and mtime as they are now."""
    looks = [_look(path) for path in told.column("path").to_pylist()]
    for place, name in enumerate(("size", "mtime_ns")):
        column = FOUND_SCHEMA.get_field_index(name)
        told = told.set_column(column, FOUND_SCHEMA.field(name), pa.array([look[place] for look in looks], pa.int64()))
    return told


def hash_files(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of every file that can be read; one that cannot is left out, and labelling says why."""
    waiting, digests = iter(paths), dict[str, str]()
    with ThreadPoolExecutor(max_workers=4) as pool:
        # A million at once would be a million futures, which take a kilobyte each.
        while some := list(islice(waiting, _HASHED_AT_ONCE)):
            digests.update((path, digest) for path, digest in pool.map(_hash, some) if digest is not None)
    return digests


def _hash(path: str) -> tuple[str, str | None]:
    try:
        return path, sha256_of(Path(path))
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
        row = (path, size, mtime_ns, kind, bpm, bpm_in_name(name), first_downbeat_s, key, name_key)
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


def _outermost(paths: Sequence[Path]) -> list[Path]:
    """The paths that do not lie at or below another one."""
    unique = list(dict.fromkeys(paths))
    named = set(unique)
    return [path for path in unique if named.isdisjoint(path.parents)]


def _walk(path: Path) -> Iterator[tuple[str, list[str]]]:
    if not path.is_dir():
        yield str(path.parent).rstrip("/"), [path.name]
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        yield folder.rstrip("/"), sorted(names)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _look(path: str) -> tuple[int | None, int | None]:
    try:
        # Path.stat costs twice as much, and this is asked a million times.
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
