"""Merging fetched loops into the table of loops: each content once, whichever source it came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from storage.loops.table import Loop
from storage.paths import path_of


@dataclass(frozen=True)
class Merged:
    """The table after a fetch: all its loops, those that are new or renewed, how many were duplicates."""

    table: list[Loop]
    kept: list[Loop]
    duplicates: int


def merge_loops(known: Iterable[Loop], fresh: Sequence[Loop]) -> Merged:
    """Take `fresh` loops into the table of `known` ones.

    Two loops are one if their files have the same bytes, or decode to the same audio. A loop is renewed by what its
    source now says of the same file, or of another if its own is gone; a loop of another source stays as it is,
    with its licence. Among fresh loops of one content the first by path is kept. A loop whose file now holds another
    content is no more, nor is the preview of a sound whose original came.
    """
    table = {loop.loop_id: loop for loop in known}
    sounding = {loop.audio_digest: loop.loop_id for loop in table.values() if loop.audio_digest}
    placed = {place: loop.loop_id for loop in table.values() for place in _places(loop)}
    kept: dict[str, Loop] = {}
    for loop in sorted(fresh, key=lambda loop: (loop.path, loop.start_s)):
        for place in _places(loop):
            there = placed.get(place)
            if there is not None and there != loop.loop_id and there not in kept:
                table.pop(there, None)
        twin_id = sounding.get(loop.audio_digest, loop.loop_id) if loop.audio_digest else loop.loop_id
        twin = table.get(twin_id)
        if twin is not None and (twin_id in kept or not _renews(loop, twin)):
            continue
        table.pop(twin_id, None)
        table[loop.loop_id] = kept[loop.loop_id] = loop
        placed |= dict.fromkeys(_places(loop), loop.loop_id)
        if loop.audio_digest:
            sounding[loop.audio_digest] = loop.loop_id
    return Merged(list(table.values()), list(kept.values()), len(fresh) - len(kept))


def _places(loop: Loop) -> set[tuple[str, str, float]]:
    """Where a loop lies, and which of Freesound's sounds it is: it may be there as a preview or as its original."""
    sound = {(loop.source, loop.url, loop.start_s)} if loop.source == "freesound" and loop.url else set()
    return {(loop.source, loop.path, loop.start_s), *sound}


def _renews(loop: Loop, known: Loop) -> bool:
    same_place = bool(_places(loop) & _places(known))
    return loop.source == known.source and (same_place or not path_of(known.path).exists())
