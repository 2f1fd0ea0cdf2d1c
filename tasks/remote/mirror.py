"""A folder of audio at a URL, kept as a folder on this disk: what is there already and unchanged is not read again."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from storage.errors import UserError
from storage.files import atomic_path
from storage.vocabulary import Reason
from tasks.audio.errors import AudioError
from tasks.remote.listing import Listed, Listing
from tasks.remote.reading import AHEAD, fetched

MANIFEST: Final = "manifest.csv"


def mirror(url: str, folder: Path) -> Iterator[str]:
    """Bring the audio below a URL, and its `manifest.csv`, into a folder; yields the URL of each that was brought.

    Raises UserError for the first that cannot be read; what was brought before stays, and is not read again.
    """
    with suppress(_NoManifestError):
        yield _bring(Listed(f"{url}/{MANIFEST}"), folder / MANIFEST)
    missing = [(listed, _place(listed.url, url, folder)) for listed in Listing(url).audio()]
    missing = [(listed, place) for listed, place in missing if not _is_same(listed, place)]
    with ThreadPoolExecutor(AHEAD) as pool:
        yield from pool.map(lambda pair: _bring(*pair), missing)


class _NoManifestError(Exception):
    """A folder that has no manifest of its own."""


def _bring(listed: Listed, place: Path) -> str:
    try:
        with atomic_path(place) as temporary:
            fetched(listed.url, temporary)
            if listed.mtime_ns is not None:
                os.utime(temporary, ns=(listed.mtime_ns, listed.mtime_ns))
    except AudioError as error:
        if place.name == MANIFEST and error.reason is Reason.VANISHED:
            raise _NoManifestError from None
        raise UserError(f"{listed.url}: {error.reason}: {error}; what was brought is kept, run this again") from None
    return listed.url


def _place(url: str, root: str, folder: Path) -> Path:
    """Where an object lies in the folder; one whose name would lead out of it is refused."""
    below = url.removeprefix(root).strip("/")
    place = Path(os.path.normpath(folder / (unquote(below) if root.startswith("http") else below)))
    if not place.is_relative_to(folder):
        raise UserError(f"{url} would lie outside of {folder}; rename it")
    return place


def _is_same(listed: Listed, place: Path) -> bool:
    if listed.mtime_ns is None or not place.exists():
        return False
    status = place.stat()
    return (status.st_size, status.st_mtime_ns) == (listed.size, listed.mtime_ns)
