"""Sounds whose key somebody wrote down, and percussion, which has none: their chroma."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.paths import path_text
from tasks.audio.decoding import Samples, decode
from tasks.features.chroma import Chroma
from tasks.features.key_estimate import ChromaCollector
from tasks.features.key_network import NO_KEY
from tasks.metadata.csv_tables import read_table
from tasks.metadata.key_names import TONICS, parse_key
from tasks.sources.compositions import read_compositions

RATE: Final = 16_000
TRACK: Final = "track"
_PITCHED: Final = ("bass", "melody", "chords", "vocal")


@dataclass(frozen=True)
class KeyedFile:
    """A loop of one role, or a track, with its key as a place among the answers of the network.

    `origin` says what a loop was made from, as far as the manifest tells.
    """

    path: Path
    role: str
    group: str
    origin: str
    key: int


@dataclass(frozen=True)
class KeyedSound:
    """A file of known key, and its chroma."""

    file: KeyedFile
    chroma: Chroma


def keyed_files(corpus: Path) -> list[KeyedFile]:
    """The loops and tracks with notes whose tonic and mode are written, and the loops of percussion, which have none.

    CORPUS has `loops/manifest.csv`, and compositions in `tracks`. Raises UserError if nothing has a key.
    """
    found = [*_loops(corpus / "loops"), *_tracks(corpus / "tracks")]
    if all(file.key == NO_KEY for file in found):
        raise UserError(f"{path_text(corpus)} has no sound whose key is written; name a folder with loops and tracks")
    return found


def heard(file: KeyedFile) -> KeyedSound:
    """The sound of a file; raises `AudioError` if it cannot be used."""
    return KeyedSound(file, chroma_as_heard(decode(file.path, RATE).samples))


def key_number(text: str) -> int | None:
    """The place of a written key among the answers of the network; None without a tonic or without a mode."""
    key, mode = parse_key(text)
    return None if key is None or mode is None else TONICS.index(key) + len(TONICS) * (mode == "minor")


def chroma_as_heard(samples: Samples) -> Chroma:
    """The chroma of a sound, of the same passages that a label is made from."""
    collector = ChromaCollector(RATE)
    for _ in collector.collecting([samples]):
        pass
    return collector.chroma()


def _loops(folder: Path) -> Iterator[KeyedFile]:
    for _, cells in read_table(folder / "manifest.csv", "manifest", ("path", "roles", "key", "group")):
        role, written = cells.get("roles", ""), cells.get("key", "")
        key = key_number(written) if role in _PITCHED else NO_KEY if role == "percussion" and not written else None
        if key is not None:
            yield KeyedFile(folder / cells["path"], role, cells.get("group", ""), cells.get("source", ""), key)


def _tracks(folder: Path) -> Iterator[KeyedFile]:
    for track in read_compositions(folder):
        key = key_number(track.key or "")
        if key is not None:
            yield KeyedFile(track.audio, TRACK, track.name, "", key)
