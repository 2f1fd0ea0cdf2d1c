"""Finding what to label: a walk over folders, or the rows of a manifest, as one table."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from storage.errors import UserError
from storage.files import sha256_of
from storage.planning import FOUND_SCHEMA
from storage.vocabulary import Kind
from tasks.audio import EXTENSIONS
from tasks.manifests import absolute, read_manifest
from tasks.names import bpm_in_name
from tasks.readers import FOREIGN

_AUDIO: Final = EXTENSIONS | FOREIGN


@dataclass(frozen=True)
class Listed:
    """A file somebody wants labelled, with what was said of it."""

    path: Path
    kind: Kind | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None


@dataclass(frozen=True)
class Found:
    """The files to label as a table (`FOUND_SCHEMA`), and how many other files were passed over."""

    table: pa.Table
    passed_over: int


def find_audio(paths: Sequence[Path]) -> Found:
    """Every audio file at or below `paths`, once; raises UserError for a path that is not there."""
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} is not there; name a file or a folder of audio")
    passed_over = 0
    listed: dict[str, Listed] = {}
    for path in paths:
        for file in _walk(absolute(path)):
            if file.suffix.lower() in _AUDIO:
                listed[str(file)] = Listed(file)
            else:
                passed_over += 1
    return Found(_as_table(listed.values()), passed_over)


def find_listed(manifest: Path) -> Found:
    """Every file of a manifest, whether it is there or not; raises UserError naming the first line that is wrong."""
    listed: dict[str, Listed] = {}
    for row in read_manifest(manifest):
        if str(row.path) in listed:
            raise UserError(f"{row.where}: {row.path} is listed twice; keep one of the lines")
        listed[str(row.path)] = Listed(row.path, row.kind(), row.bpm(), row.first_downbeat_s())
    return Found(_as_table(listed.values()), 0)


def hash_files(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of every file that can be read; one that cannot is left out, and labelling says why."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return {path: digest for path, digest in pool.map(_hash, paths) if digest is not None}


def _hash(path: str) -> tuple[str, str | None]:
    try:
        return path, sha256_of(Path(path))
    except OSError:
        return path, None


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders.sort()
        for name in sorted(names):
            yield Path(folder) / name


def _as_table(listed: Iterable[Listed]) -> pa.Table:
    rows = []
    for item in listed:
        size, mtime_ns = _look(item.path)
        rows.append(
            {
                "path": str(item.path),
                "size": size,
                "mtime_ns": mtime_ns,
                "kind": item.kind,
                "bpm": item.bpm,
                "name_bpm": bpm_in_name(item.path.name),
                "first_downbeat_s": item.first_downbeat_s,
            }
        )
    return pa.Table.from_pylist(rows, schema=FOUND_SCHEMA)


def _look(path: Path) -> tuple[int | None, int | None]:
    try:
        status = path.stat()
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns
