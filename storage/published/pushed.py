"""The published catalogue in a bucket: each version under a name of its own, and a pointer that names the latest.

A reader never sees half of a catalogue: the pointer is one small object, replaced after its version is there whole.
Who reads the version before goes on with it; the one before that is removed.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.files import sha256_of
from storage.urls import checked_url, naming_trouble, open_store, parent_of

_BUCKETS: Final = ("s3", "gs", "az")
_SUFFIX: Final = ".duckdb"


@dataclass(frozen=True)
class Pointer:
    """Which version is the latest: its name beside the pointer, digest and bytes, and the version before it."""

    catalogue: str
    sha256: str
    bytes: int
    published_at: str
    before: str | None = None


def checked_target(url: str) -> str:
    """Where a catalogue is to be pushed; raises UserError unless it is a `.duckdb` in a bucket."""
    target = checked_url(url)
    if not target.startswith(tuple(f"{scheme}://" for scheme in _BUCKETS)) or not target.endswith(_SUFFIX):
        raise UserError(f"{url} is no place for a catalogue; write s3://BUCKET/…/catalogue.duckdb, or gs:// or az://")
    return target


def push(catalogue: Path, target: str) -> Pointer:
    """Upload a published catalogue, and let the pointer beside it name this version.

    Raises UserError if the bucket cannot be written; what the pointer named before then stays.
    """
    digest, size = sha256_of(catalogue), catalogue.stat().st_size
    name = f"{_stem(target)}-{digest[:16]}{_SUFFIX}"
    with naming_trouble(target):
        earlier = _read_pointer(target)
        if earlier is not None and earlier.sha256 == digest:
            return earlier
        store, _ = open_store(target)
        folder = _path(parent_of(target))
        store.put_file(str(catalogue), f"{folder}/{name}")
        said = Pointer(name, digest, size, datetime.now(UTC).isoformat(timespec="seconds"))
        if earlier is not None:
            said = Pointer(**{**asdict(said), "before": earlier.catalogue})
        store.pipe_file(_path(pointer_url(target)), json.dumps(asdict(said), indent=1).encode())
        if earlier is not None and earlier.before not in (None, name):
            store.rm_file(f"{folder}/{earlier.before}")
    return said


def version_at(url: str) -> str:
    """The URL of the version that a pointer beside a URL names; where there is none, the URL itself."""
    with naming_trouble(url):
        pointer = _read_pointer(url)
    return url if pointer is None else f"{parent_of(url)}/{pointer.catalogue}"


def pointer_url(target: str) -> str:
    """The URL of the pointer: the catalogue's with `.json` in place of `.duckdb`."""
    return f"{target.removesuffix(_SUFFIX)}.json"


def _read_pointer(target: str) -> Pointer | None:
    store, path = open_store(pointer_url(target))
    try:
        return Pointer(**json.loads(store.cat_file(path)))
    except FileNotFoundError:
        return None


def _stem(target: str) -> str:
    return target.rpartition("/")[2].removesuffix(_SUFFIX)


def _path(url: str) -> str:
    return url.partition("://")[2]
