"""MPEG audio frames (ISO 11172-3, ISO 13818-3, and MPEG 2.5): their headers, and the runs that they form in a file.

An MP3 has no header of its own: every frame says its length, and the next one follows. A walk from header to header
is the only count that nobody guessed, and costs a hundredth of decoding.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import BinaryIO, Final, NamedTuple

from tasks.audio.containers.spliced import Span
from tasks.audio.containers.tag_borders import ID3V1_BYTES, id3v2_bytes

HEADER_BYTES: Final = 4
_WINDOW: Final = 1 << 20
_CONFIRMATIONS: Final = 2
"""Further headers that must follow where they are due before bytes count as a frame."""

_LONGEST_FREE_FRAME: Final = 1 << 13
_COUNT_BYTES: Final = 64
"""Bytes of a frame in which the name of a header that counts frames stands."""


_INITIALS: Final = b"XI"
"""How the names of headers begin that count frames; one of Fraunhofer's is looked for in the first frame alone."""

_KBITS: Final = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits per second by (MPEG 1, layer) and index."""

_RATES: Final = (44_100, 48_000, 32_000)
_MPEG1, _RESERVED, _LSF_SHIFTS = 3, 1, {3: 0, 2: 1, 0: 2}

# A version and a layer that exist, a bit rate and a sample rate that exist: what may be a header at all.
_MAY_BE_HEADER: Final = re.compile(rb"\xff(?=[\xe2-\xe7\xf2-\xff][\x00-\xef])")


class Format(NamedTuple):
    """What all frames of one encoding share: version bits, layer, sample rate in Hz, one channel or two."""

    version: int
    layer: int
    rate: int
    mono: bool

    @property
    def samples(self) -> int:
        """Samples of each channel in a frame."""
        if self.layer == 1:
            return 384
        return 576 if self.layer == 3 and self.version != _MPEG1 else 1152

    @property
    def side_bytes(self) -> int:
        """Bytes of side information behind the header of a frame of layer 3."""
        if self.version == _MPEG1:
            return 17 if self.mono else 32
        return 9 if self.mono else 17

    @property
    def slot(self) -> int:
        """Bytes that the padding bit adds to a frame."""
        return 4 if self.layer == 1 else 1


@dataclass(frozen=True)
class Run:
    """Frames of one format without a gap: where they lie, how many they are, and the first of them.

    A last frame that `lacks` so many bytes belongs neither to `frames` nor to `span`.
    """

    format: Format
    span: Span
    frames: int
    first_frame: bytes
    lacks: int = 0


def format_of(header: bytes) -> Format | None:
    """The format that four bytes name, None if they are no header."""
    if len(header) < HEADER_BYTES or not _MAY_BE_HEADER.match(header):
        return None
    version, layer, rate = (header[1] >> 3) & 3, 4 - ((header[1] >> 1) & 3), (header[2] >> 2) & 3
    if version == _RESERVED or layer == 4 or rate == 3:
        return None
    return Format(version, layer, _RATES[rate] >> _LSF_SHIFTS[version], header[3] >> 6 == 3)


@lru_cache(maxsize=64)
def frame_lengths(kind: Format) -> dict[int, int]:
    """The length in bytes of a frame by the second and third byte of its header, for all headers of a format."""
    lengths = {}
    for key in range(0xE000, 0x10000):
        header = bytes((0xFF, key >> 8, key & 0xFF, 0xC0 if kind.mono else 0))
        if format_of(header) == kind and (kbits := _KBITS[kind.version == _MPEG1, kind.layer][header[2] >> 4]):
            slots = (kind.samples // 8 // kind.slot) * 1000 * kbits // kind.rate + ((header[2] >> 1) & 1)
            lengths[key] = slots * kind.slot
    return lengths


def runs(file: BinaryIO, start: int, stop: int, most_junk: int) -> Iterator[Run]:
    """All runs between two places; none if the first does not begin within `most_junk` bytes."""
    found = _next_frame(file, start, min(stop, start + most_junk), stop)
    while found is not None:
        run = _follow(file, *found, stop)
        yield run
        found = _next_frame(file, _behind_tags(file, run.span.stop, stop), stop, stop)


def split(file: BinaryIO, run: Run, frames: int) -> tuple[Run, Run]:
    """The first so many frames of a run, and the others."""
    lengths, place = _lengths_at(file, run.span.start, run.format, run.span.stop), run.span.start
    for _ in range(frames):
        file.seek(place)
        header = file.read(HEADER_BYTES)
        place += lengths[header[1] << 8 | header[2]]
    others = _follow(file, place, run.format, run.span.stop)
    return replace(run, span=Span(run.span.start, place), frames=frames, lacks=0), replace(others, lacks=run.lacks)


def _behind_tags(file: BinaryIO, place: int, stop: int) -> int:
    """Behind the tags that stand where a run ended: files that were joined bring theirs along."""
    while place < stop:
        file.seek(place)
        head = file.read(10)
        size = ID3V1_BYTES if head[:3] == b"TAG" else id3v2_bytes(head)
        if size == 0 or place + size >= stop:
            break
        place += size
    return place


def _next_frame(file: BinaryIO, place: int, last: int, stop: int) -> tuple[int, Format] | None:
    """Where the next frame begins, before `last`, and its format; the audio goes on until `stop`."""
    while place < last:
        file.seek(place)
        window = file.read(min(_WINDOW, last - place) + HEADER_BYTES)
        for match in _MAY_BE_HEADER.finditer(window):
            at = match.start()
            kind = format_of(window[at : at + HEADER_BYTES])
            if kind is not None and _is_confirmed(file, place + at, kind, stop):
                return place + at, kind
        place += _WINDOW
    return None


def _is_confirmed(file: BinaryIO, place: int, kind: Format, stop: int) -> bool:
    """Whether frames follow each other from `place` on, or end with the file."""
    lengths = _lengths_at(file, place, kind, stop)
    for _ in range(_CONFIRMATIONS):
        file.seek(place)
        header = file.read(HEADER_BYTES)
        length = lengths.get(header[1] << 8 | header[2], 0) if format_of(header) == kind else 0
        if length == 0:
            return False
        place += length
        if place >= stop:
            return place == stop
    file.seek(place)
    return format_of(file.read(HEADER_BYTES)) == kind or place + HEADER_BYTES > stop


def _lengths_at(file: BinaryIO, place: int, kind: Format, stop: int) -> dict[int, int]:
    """Lengths by header, for the run at `place`: those of free format are found by looking for the next header."""
    file.seek(place)
    head = file.read(min(_LONGEST_FREE_FRAME, stop - place))
    if len(head) < HEADER_BYTES or head[2] >> 4:
        return frame_lengths(kind)
    plain = head[2] & 0b1111_1101
    alike = re.compile(b"\xff" + re.escape(head[1:2]) + b"[" + re.escape(bytes((plain, plain | 2))) + b"]")
    following = alike.search(head, HEADER_BYTES + kind.side_bytes)
    if following is None:
        return {}
    bare = following.start() - (kind.slot if head[2] & 2 else 0)
    return {head[1] << 8 | plain: bare, head[1] << 8 | plain | 2: bare + kind.slot}


def _follow(file: BinaryIO, start: int, kind: Format, stop: int) -> Run:
    """The run that begins at `start`; it ends before a frame that counts frames, which begins another recording."""
    lengths, mono, counts = _lengths_at(file, start, kind, stop), kind.mono, count_at(kind)
    place, frames, length, first_frame, xing = start, 0, 0, b"", HEADER_BYTES + kind.side_bytes
    while place + HEADER_BYTES <= stop:
        file.seek(place)
        window = file.read(min(_WINDOW, stop - place))
        last = len(window) - HEADER_BYTES
        if place + len(window) < stop:
            last -= _COUNT_BYTES
        else:
            window += bytes(_COUNT_BYTES)
        inside = 0
        # This loop sees every frame of every MP3, so it is written for speed.
        while inside <= last:
            length = lengths.get(window[inside + 1] << 8 | window[inside + 2], 0)
            if not length or window[inside] != 0xFF or (window[inside + 3] >= 0xC0) is not mono:
                return Run(kind, Span(start, place + inside), frames, first_frame)
            if window[inside + xing] in _INITIALS and _counts(window, inside, counts) and frames:
                return Run(kind, Span(start, place + inside), frames, first_frame)
            first_frame = first_frame or window[:length]
            frames += 1
            inside += length
        place += inside
    if place > stop:
        return Run(kind, Span(start, place - length), frames - 1, first_frame, place - stop)
    return Run(kind, Span(start, place), frames, first_frame)


def _counts(window: bytes, inside: int, counts: tuple[tuple[bytes, int], ...]) -> bool:
    """Whether the frame at a place in a window counts frames."""
    return any(window.startswith(name, inside + offset) for name, offset in counts)


def count_at(kind: Format) -> tuple[tuple[bytes, int], ...]:
    """The names of headers that count frames, each with where it stands in its frame (Xing's, and Fraunhofer's)."""
    xing = HEADER_BYTES + kind.side_bytes
    return ((b"Xing", xing), (b"Info", xing), (b"VBRI", HEADER_BYTES + 32))
