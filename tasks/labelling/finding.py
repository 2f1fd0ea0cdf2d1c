"""Finding what to label: a walk over folders, the listing of a bucket, or the rows of a manifest, as one table."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from storage.catalogue.comparison import FOUND_SCHEMA
from storage.files import sha256_of
from storage.paths import path_of, path_text
from storage.urls import is_url, name_in, open_store, place_text
from storage.vocabulary import Kind
from tasks.audio.library import Omissions, Walk
from tasks.metadata.file_names import bpm_in_name, kind_in_name, number_in_name
from tasks.metadata.keys_in_names import key_in_name
from tasks.metadata.manifests import read_listing
from tasks.remote.listing import Listed, Listing, look_at_urls
from tasks.remote.manifests import opened_manifest

_ROWS_A_BATCH: Final = 65_536
_HASHED_AT_ONCE: Final = 4096


Look = tuple[int | None, int | None, str | None]
"""Size, mtime in nanoseconds, and identity, which only an object has."""

Said = tuple[Kind | None, float | None, float | None, str | None]
"""What a manifest says: kind, tempo in beats per minute, first downbeat in seconds, key."""


@dataclass(frozen=True)
class Found:
    """The files to label as a table (`FOUND_SCHEMA`), and what a walk passed over."""

    table: pa.Table
    omissions: Omissions = field(default_factory=Omissions)


def find_audio(paths: Sequence[Path]) -> Found:
    """Every audio file at or below `paths`, once; raises UserError for a path that is not there."""
    rows, walk = _Rows(), Walk(paths)
    for folder, name in walk.audio():
        path = f"{folder}/{name}"
        rows.add(path_text(path), name, _look(path))
    return Found(rows.table(), walk.omissions)


def find_objects(urls: Sequence[str]) -> Found:
    """Every audio file at or below URLs, once, as their stores list them; raises UserError for one that is not there.

    Nothing is read.
    """
    rows, found, omissions = _Rows(), set[str](), Omissions()
    for url in urls:
        listing = Listing(url)
        # Only what several URLs lead to can be found twice, and a million names would fill the memory.
        for listed in listing.audio():
            if len(urls) == 1 or listed.url not in found:
                rows.add_listed(listed)
                found.update([listed.url] if len(urls) > 1 else [])
        omissions += listing.omissions
    return Found(rows.table(), omissions)


def find_places(places: Sequence[str]) -> Found:
    """Every audio file at or below some places, which are paths, as `path_text` writes them, and URLs."""
    named = [place_text(place) if is_url(place) else place for place in places]
    urls = [place for place in named if is_url(place)]
    here = find_audio([path_of(place) for place in named if not is_url(place)])
    if not urls:
        return here
    there = find_objects(urls)
    return Found(pa.concat_tables([here.table, there.table]), here.omissions + there.omissions)


def find_listed(manifest: str) -> Found:
    """Every file of a manifest, whether it is there or not; raises UserError naming the first line that is wrong."""
    listed, rows = _listed(manifest), _Rows()
    for (place, name, said), look in zip(listed, look_at_places(place for place, _, _ in listed), strict=True):
        rows.add(place, name, look, said)
    return Found(rows.table())


def check_manifest(manifest: str) -> None:
    """Raise UserError naming the first line of a manifest that is wrong, or a kind of URL that cannot be opened here.

    Its files are not looked at.
    """
    one_of_each = {place.partition("://")[0]: place for place, _, _ in _listed(manifest) if is_url(place)}
    for url in one_of_each.values():
        open_store(url)


def _listed(manifest: str) -> list[tuple[str, str, Said]]:
    with opened_manifest(manifest) as (file, folder):
        return [
            (row.place, row.name, (row.kind(), row.bpm(), row.first_downbeat_s(), row.cells.get("key")))
            for row in read_listing(file, folder)
        ]


def look_again(told: pa.Table) -> pa.Table:
    """Rows of `FOUND_SCHEMA` with size, mtime and identity as they are now."""
    looks = list(look_at_places(told.column("path").to_pylist()))
    for place, name in enumerate(("size", "mtime_ns", "identity")):
        column, field_now = FOUND_SCHEMA.get_field_index(name), FOUND_SCHEMA.field(name)
        told = told.set_column(column, field_now, pa.array([look[place] for look in looks], field_now.type))
    return told


def look_at_places(places: Iterable[str]) -> Iterator[Look]:
    """Size, mtime and identity of each place as it is now, in order; of what is not there, nothing."""
    named = list(places)
    asked = iter(look_at_urls(place for place in named if is_url(place)))
    for place in named:
        yield _look_of(next(asked)) if is_url(place) else _look(path_of(place))


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

    def add_listed(self, listed: Listed) -> None:
        self.add(listed.url, name_in(listed.url), _look_of(listed))

    def add(self, path: str, name: str, look: Look, said: Said = (None, None, None, None)) -> None:
        (size, mtime_ns, identity), (kind, bpm, first_downbeat_s, key) = look, said
        name_key = " ".join(filter(None, key_in_name(name))) or None
        by_name = (bpm_in_name(name), number_in_name(name), kind_in_name(name))
        row = (path, size, mtime_ns, kind, bpm, *by_name, first_downbeat_s, key, name_key, identity)
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


def _look(path: str | Path) -> Look:
    try:
        # Path.stat costs twice as much, and this is asked a million times.
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None, None, None
    return status.st_size, status.st_mtime_ns, None


def _look_of(listed: Listed) -> Look:
    return listed.size, listed.mtime_ns, listed.identity
