"""Tempo, key and roles read from the tags inside an audio file."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from tinytag import TinyTag, TinyTagException

from storage.vocabulary import ROLES
from tasks.metadata.apple_loops import caf_strings
from tasks.metadata.chunks import Chunks
from tasks.metadata.file_names import roles_in_name
from tasks.metadata.key_names import parse_key
from tasks.metadata.tempo_text import parse_bpm

WAV_TAG_CHUNKS: Final = frozenset({b"LIST", b"id3 ", b"ID3 "})

_TEMPO_FIELDS: Final = ("bpm", "tempo", "tbpm", "fbpm")
_KEY_FIELDS: Final = ("initial_key", "initialkey", "key", "tkey", "key signature")
"""ID3's TBPM and TKEY under the reader's names, what Vorbis comments, MP4 and CAF call them, and BeaTunes' `fBPM`."""

_WORD_FIELDS: Final = ("title", "genre", "grouping")


@dataclass(frozen=True)
class Tags:
    """What tags say: tempo, tonic and mode, roles in the vocabulary's order; None and empty where they say nothing."""

    bpm: float | None = None
    key: str | None = None
    mode: str | None = None
    roles: tuple[str, ...] = ()


def read_tags(path: Path, chunks: Chunks) -> Tags:
    """The tags of a file, whose `chunks` are read; a file without tags, or with broken ones, says nothing.

    | field                                     | read as                                                       |
    | ----------------------------------------- | ------------------------------------------------------------- |
    | `bpm`, `tempo`, `TBPM`, `fBPM`, `IBPM`    | a tempo (`tasks.metadata.tempo_text`); the first that is one  |
    | initial key, `key`, key signature         | a key (`tasks.metadata.key_names`), if they name only one     |
    | title, genre, grouping                    | the same words that name roles in file names: `Bass`, `drums` |
    """
    fields = caf_fields(chunks) if chunks.format == "caf" else _fields(path, chunks)
    tempi = (parse_bpm(text) for name in _TEMPO_FIELDS for text in fields.get(name, ()))
    keys = {parse_key(text) for name in _KEY_FIELDS for text in fields.get(name, ())} - {(None, None)}
    key, mode = keys.pop() if len(keys) == 1 else (None, None)
    said = [text for name in _WORD_FIELDS for text in fields.get(name, ())]
    named = {role for text in said for role in roles_in_name(text.replace(".", " "))}
    bpm = next((bpm for bpm in tempi if bpm is not None), None)
    return Tags(bpm, key, mode, tuple(role for role in ROLES if role in named))


def caf_fields(chunks: Chunks) -> Mapping[str, Sequence[str]]:
    """The texts of a CAF's information chunk by name (Core Audio Format Specification, information chunk)."""
    said: dict[str, list[str]] = {}
    for body in chunks.bodies.get(b"info", []):
        for name, text in caf_strings(body).items():
            said.setdefault(name, []).append(text)
    return said


def _fields(path: Path, chunks: Chunks) -> Mapping[str, Sequence[str]]:
    try:
        # The reader knows WAVs up to 4 GB only; those beyond have the same chunks under another name.
        tag = TinyTag.get(path, file_obj=_small_wav(chunks) if chunks.format == "wav" else None, duration=False)
    except (TinyTagException, OSError, ValueError, KeyError, IndexError, ArithmeticError, struct.error):
        return {}
    said = {name: [str(text) for text in texts] for name, texts in tag.other.items()}
    for name in ("title", "genre"):
        if text := getattr(tag, name):
            said.setdefault(name, []).append(str(text))
    return said


def _small_wav(chunks: Chunks) -> BytesIO:
    """A WAV of nothing but the tags of another."""
    bodies = [(name, body) for name in sorted(WAV_TAG_CHUNKS) for body in chunks.bodies.get(name, [])]
    tags = b"".join(name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1) for name, body in bodies)
    return BytesIO(b"RIFF" + struct.pack("<I", 4 + len(tags)) + b"WAVE" + tags)
