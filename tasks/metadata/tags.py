"""Key and roles read from the tags inside an audio file; a tempo tag is read in `tasks.rhythm.grid`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tinytag import TinyTag, TinyTagException

from storage.vocabulary import ROLES
from tasks.metadata.file_names import roles_in_name
from tasks.metadata.key_names import parse_key

_KEY_TAGS: Final = ("initial_key", "initialkey", "key", "tkey")
"""ID3's TKEY under the reader's name, and the fields that Vorbis comments use for it."""


@dataclass(frozen=True)
class Tags:
    """What tags say: roles in the vocabulary's order, tonic and mode; empty and None where they say nothing."""

    roles: tuple[str, ...] = ()
    key: str | None = None
    mode: str | None = None


def read_tags(path: Path) -> Tags:
    """The tags of a file; a file without tags, or with broken ones, says nothing.

    | field                     | read as                                                       |
    | ------------------------- | ------------------------------------------------------------- |
    | initial key, `key`        | a key, as people write it: `Am`, `F# minor`, `Bb`             |
    | title, genre, grouping    | the same words that name roles in file names: `Bass`, `drums` |
    """
    try:
        tag = TinyTag.get(path)
    except (TinyTagException, OSError, ValueError, KeyError, IndexError, ArithmeticError):
        return Tags()
    keys = {parse_key(str(text)) for name in _KEY_TAGS for text in tag.other.get(name, [])} - {(None, None)}
    key, mode = keys.pop() if len(keys) == 1 else (None, None)
    said = [tag.title, tag.genre, *tag.other.get("grouping", [])]
    named = {role for text in said if text for role in roles_in_name(str(text).replace(".", " "))}
    return Tags(tuple(role for role in ROLES if role in named), key, mode)
