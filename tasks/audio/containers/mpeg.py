"""MP3 and its relatives: what is to be decoded, as a walk over all frames tells it, and what the file had promised.

A decoder that believes a guess stops in the middle of a file of variable bit rate, or takes a second recording behind
the first for junk. So every recording in the file is a stream of its own: it begins with its Xing, Info or VBRI frame
if it has one, and what lies between frames (tags, pictures, holes) is left out.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from tasks.audio.containers.mpeg_frames import Run, count_at, runs, split
from tasks.audio.containers.spliced import Piece
from tasks.audio.containers.streams import AS_IT_IS, Layout, Stream, missing_bytes
from tasks.audio.containers.tag_borders import after_leading_tags, before_trailing_tags

_MOST_JUNK: Final = 1 << 18
_MISCOUNT: Final = 1
"""Frames by which a count may be wrong: some encoders count the frame that holds it."""

_LONGEST_FRAME: Final = 1441
_ENOUGH: Final = 2
"""How many times as long as it is a recording may seem to a decoder that guesses."""


@dataclass(frozen=True)
class _Count:
    """What the first frame of a recording says of it: how many frames follow, and how many bytes there are in all."""

    name: bytes
    frames: int | None
    bytes: int | None


def mpeg_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """The recordings between two places of a file; None where no MPEG audio begins there."""
    audio = after_leading_tags(file, start)
    if audio >= stop:
        audio = start
    found = list(runs(file, audio, before_trailing_tags(file, audio, stop), _MOST_JUNK))
    if sum(run.frames for run in found) == 0:
        return None
    recordings = _recordings(found)
    streams = tuple(stream for parts in recordings for stream in _streams_of(file, parts) if stream.views[0])
    missing = next(filter(None, map(_missing, recordings)), None)
    if start == 0 and found[0].span.start == audio and [stream.views[0] for stream in streams] == [(found[0].span,)]:
        streams = (replace(streams[0], views=(AS_IT_IS, *streams[0].views)),)
    return Layout(streams, missing)


def _recordings(found: Sequence[Run]) -> list[list[Run]]:
    """Runs that belong together: of one format, and without a header that counts frames but in the first."""
    recordings: list[list[Run]] = []
    for run in found:
        if recordings and recordings[-1][-1].format == run.format and _count_in(run) is None:
            recordings[-1].append(run)
        else:
            recordings.append([run])
    return recordings


def _missing(parts: Sequence[Run]) -> str | None:
    """What a recording lacks of what it promises, in words."""
    count, frames, lacks = _count_in(parts[0]), sum(part.frames for part in parts), parts[-1].lacks
    if count is not None and count.frames is not None:
        if frames - 1 < count.frames - (0 if lacks else _MISCOUNT):
            return f"the header counts {count.frames} MPEG frames, {frames - 1} are there"
        return None
    if count is not None and count.bytes is not None:
        lacks = max(lacks, count.bytes - _LONGEST_FRAME - sum(part.span.stop - part.span.start for part in parts))
    return missing_bytes(lacks) if lacks > 0 else None


def _streams_of(file: BinaryIO, parts: list[Run]) -> list[Stream]:
    """How one recording is shown to a decoder."""
    count = _count_in(parts[0])
    if count is None:
        return [_uncounted(parts)]
    if count.name == b"VBRI" or count.frames is None:
        return [_uncounted(_split(file, parts, 1)[1])]
    if sum(part.frames for part in parts) <= 1 + count.frames + _MISCOUNT:
        return [_counted(parts)]
    # What was joined to the end, and is not counted, is heard too.
    counted, others = _split(file, parts, 1 + count.frames)
    return [_counted(counted), _uncounted(others)]


def _split(file: BinaryIO, parts: list[Run], frames: int) -> tuple[list[Run], list[Run]]:
    """The first so many frames of a recording, and the others."""
    number = 0
    while number < len(parts) - 1 and frames >= parts[number].frames:
        frames -= parts[number].frames
        number += 1
    before, behind = split(file, parts[number], frames)
    return [*parts[:number], before], [behind, *parts[number + 1 :]]


def _counted(parts: Sequence[Run]) -> Stream:
    """A recording whose header tells the decoder how long it is, without the encoder's delay and padding."""
    return Stream((_spans(parts),), slack=_MISCOUNT * parts[0].format.samples)


def _uncounted(parts: Sequence[Run]) -> Stream:
    """A recording that nothing counts but its frames.

    The decoder guesses its length from the first frame and the size of the file. So there is a view in which the audio
    stands again behind itself, as often as it takes for the guess to be long enough; only what was counted is read.
    """
    frames, spans = sum(part.frames for part in parts), _spans(parts)
    guessed_from = frames * len(parts[0].first_frame)
    times = 1 + _ENOUGH * guessed_from // max(1, sum(part.span.stop - part.span.start for part in parts))
    samples = parts[0].format.samples
    return Stream((spans, spans * times), frames * samples, slack=_MISCOUNT * samples)


def _spans(parts: Sequence[Run]) -> tuple[Piece, ...]:
    return tuple(part.span for part in parts if part.frames)


def _count_in(run: Run) -> _Count | None:
    """The header that counts frames, if the first frame of a run holds one."""
    if run.format.layer != 3:
        return None
    for name, place in count_at(run.format):
        said = run.first_frame[place : place + 18]
        if said[:4] == name and len(said) == 18:
            return _vbri(said) if name == b"VBRI" else _xing(said)
    return None


def _xing(said: bytes) -> _Count:
    flags, *numbers = struct.unpack(">III", said[4:16])
    frames = numbers[0] if flags & 1 else None
    size = {2: numbers[0], 3: numbers[1]}.get(flags & 3)
    return _Count(said[:4], frames or None, size)


def _vbri(said: bytes) -> _Count:
    size, frames = struct.unpack(">II", said[10:18])
    return _Count(b"VBRI", frames or None, size)
