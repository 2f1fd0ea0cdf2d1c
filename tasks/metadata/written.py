"""All that is written about a file, read once: its tags, what loop libraries wrote into it, and its name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from storage.vocabulary import KeySource, Kind
from tasks.metadata.acid import AIFF_SAMPLER_CHUNKS, WAV_CHUNKS, acid_info, marker_info, sampler_info
from tasks.metadata.apple_loops import AIFF_CHUNKS, CAF_CHUNKS, apple_loop_info
from tasks.metadata.chunks import read_chunks
from tasks.metadata.file_names import bpm_in_name, kind_in_name, number_in_name, roles_in_name
from tasks.metadata.key_names import Key, NamedKey, parse_key
from tasks.metadata.keys_in_names import key_in_name
from tasks.metadata.loop_info import LoopInfo
from tasks.metadata.tags import WAV_TAG_CHUNKS, Tags, read_tags

_WANTED: Final = WAV_CHUNKS | WAV_TAG_CHUNKS | AIFF_SAMPLER_CHUNKS | AIFF_CHUNKS | CAF_CHUNKS
_KEY_ORDER: Final = tuple(KeySource)
_SURE_OF_KEY: Final = {KeySource.MANIFEST: 1.0, KeySource.SAMPLER: 0.5} | dict.fromkeys(
    (KeySource.TAG, KeySource.APPLE_LOOP, KeySource.FILENAME, KeySource.ACID), 0.9
)
_READERS: Final = (acid_info, marker_info, apple_loop_info, sampler_info)


@dataclass(frozen=True)
class Written:
    """What is written about a file.

    `chunks` are what loop libraries wrote into it, those that are trusted most first; `name_bpm` is the tempo that its
    name states, `name_number` one that it may state (`tasks.metadata.file_names`).
    """

    tags: Tags = field(default_factory=Tags)
    chunks: tuple[LoopInfo, ...] = ()
    name_bpm: float | None = None
    name_number: float | None = None
    name_kind: Kind | None = None
    name_key: NamedKey = (None, None)
    name_roles: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind | None:
        """What a loop library, else the file's name, says that the file is: a loop or a one-shot."""
        return next((info.kind for info in self.chunks if info.kind is not None), self.name_kind)


def read_written(path: Path) -> Written:
    """Read what is written about a file; what is broken says nothing, and never raises."""
    chunks = read_chunks(path, _WANTED)
    return Written(
        tags=read_tags(path, chunks),
        chunks=tuple(info for reader in _READERS if (info := reader(chunks)) is not None),
        name_bpm=bpm_in_name(path.name),
        name_number=number_in_name(path.name),
        name_kind=kind_in_name(path.name),
        name_key=key_in_name(path.name),
        name_roles=roles_in_name(path.name),
    )


def stated_key(written: Written, manifest: str | None) -> Key | None:
    """The key that somebody wrote down; None if nobody did.

    A manifest is believed before a tag, a tag before an Apple Loop's own word, that before the file's name, and a name
    before the root notes of ACID and of samplers, which are notes and no keys.
    """
    said: list[tuple[NamedKey, str]] = [
        (parse_key(manifest or ""), KeySource.MANIFEST),
        ((written.tags.key, written.tags.mode), KeySource.TAG),
        (written.name_key, KeySource.FILENAME),
        *(((info.key, info.mode), info.source) for info in written.chunks),
    ]
    told = [Key(key, mode, KeySource(source), _SURE_OF_KEY[KeySource(source)]) for (key, mode), source in said if key]
    return min(told, key=lambda key: _KEY_ORDER.index(key.source), default=None)


def stated_roles(written: Written, manifest: Sequence[str]) -> tuple[tuple[str, ...], str | None]:
    """The roles that somebody wrote down, in the vocabulary's order, and who did; nobody is None.

    A manifest is believed before tags, tags before what a loop library wrote into the file, that before its name.
    """
    said = [
        (tuple(manifest), "manifest"),
        (written.tags.roles, "tag"),
        *((info.roles, str(info.source)) for info in written.chunks),
        (written.name_roles, "filename"),
    ]
    return next(((roles, source) for roles, source in said if roles), ((), None))
