"""WAV, RF64, BW64, W64, AIFF, CAF, AU and MP4: how many bytes of audio their headers promise, and how many there are.

Whoever records into a pipe, or loses power, leaves the size open: 0, all ones, or the largest number that came to mind.
Then the audio goes on to the end of the file. Any other size is a promise, kept if no more than 10 ms are missing.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final, NamedTuple

from tasks.audio.containers.byte_ranges import bytes_at
from tasks.audio.containers.mpeg import mpeg_layout
from tasks.audio.containers.spliced import edited
from tasks.audio.containers.streams import AS_IT_IS, Layout, Stream, missing_bytes

FORGIVEN_S: Final = 0.01
"""What may be missing of a promise: writers count their own header, and last bytes are lost."""

_OPEN_SIZES: Final = (0x7F000000, 0x80000000, 0x100000000)
_NEAR: Final = 1 << 16
"""How near an open size lies to one of these: the largest number less a header or a page, or what sox writes."""

_MPEG_IN_WAV: Final = (0x50, 0x55)


@dataclass(frozen=True)
class _Form:
    """How a family of files writes its chunks: the `struct` format of a size, and what the size counts."""

    size: str
    name_bytes: int = 4
    align: int = 2
    counts_header: bool = False

    @property
    def header_bytes(self) -> int:
        return self.name_bytes + struct.calcsize(self.size)


_RIFF, _RIFX, _CAF = _Form("<I"), _Form(">I"), _Form(">q", align=1)
_W64 = _Form("<Q", name_bytes=16, align=8, counts_header=True)


class _Chunk(NamedTuple):
    """Where the body of a chunk begins, and the size of the body that its header states."""

    start: int
    size: int


class Extent(NamedTuple):
    """A file from `start` to `stop` whose audio begins at `audio`, and the bytes of audio that it states (`size`).

    `is_open` tells that the size was left open, `edits` what a decoder needs changed to read it all, and `is_cut` that
    `stop` is not the end of the file.
    """

    start: int
    stop: int
    audio: int
    size: int
    bytes_per_s: float
    is_open: bool
    edits: tuple[tuple[int, bytes], ...] = ()
    is_cut: bool = False

    def layout(self) -> Layout:
        """The one stream of the file, and what is missing of it."""
        is_changed = self.start > 0 or bool(self.edits) or self.is_cut
        view = edited(self.start, self.stop, sorted(self.edits)) if is_changed else AS_IT_IS
        lack = 0 if self.is_open else self.audio + self.size - self.stop
        missing = missing_bytes(lack) if lack > FORGIVEN_S * self.bytes_per_s else None
        return Layout((Stream((view,)),), missing)


def wave_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A WAV, RF64, BW64 or RIFX; None where a chunk that it needs is not there."""
    kind = bytes_at(file, start, 4)
    form = _RIFX if kind == b"RIFX" else _RIFF
    found = _chunks_up_to(file, form, start + 12, stop, b"data")
    if not {b"fmt ", b"data"} <= found.keys():
        return None
    described, data = bytes_at(file, found[b"fmt "].start, 16), found[b"data"]
    if len(described) < 16:
        return None
    tag, _, _, bytes_per_s, _, _ = struct.unpack(form.size[0] + "HHIIHH", described)
    size, size_at, size_form = data.size, data.start - 4, form.size
    if kind in (b"RF64", b"BW64") and b"ds64" in found and size == 0xFFFFFFFF:
        size_at, size_form = found[b"ds64"].start + 8, "<Q"
        size = struct.unpack(size_form, bytes_at(file, size_at, 8).ljust(8, b"\0"))[0]
    is_open = _is_open(size) or (size == 0 and not _are_chunks(file, form, data.start, stop))
    if tag in _MPEG_IN_WAV and (
        inside := mpeg_layout(file, data.start, stop if is_open else min(stop, data.start + size))
    ):
        return inside
    edits = [(start, b"RF64")] if kind == b"BW64" else []
    if is_open:
        edits.append((size_at, _packed(size_form, stop - data.start)))
    return Extent(start, stop, data.start, size, bytes_per_s, is_open, tuple(edits)).layout()


def w64_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A Sony Wave64; None where a chunk that it needs is not there."""
    found = _chunks_up_to(file, _W64, start + 40, stop, b"data")
    described = bytes_at(file, found[b"fmt "].start, 16) if b"fmt " in found else b""
    if b"data" not in found or len(described) < 16:
        return None
    data, bytes_per_s = found[b"data"], struct.unpack("<HHIIHH", described)[3]
    is_open = data.size <= 0 or _is_open(data.size + _W64.header_bytes)
    edits = ((data.start - 8, _packed("<Q", stop - data.start + _W64.header_bytes)),) if is_open else ()
    # libsndfile takes whatever follows the audio for audio.
    end = stop if is_open else min(stop, data.start + data.size)
    return Extent(start, end, data.start, data.size, bytes_per_s, is_open, edits, is_cut=end < stop).layout()


def aiff_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """An AIFF or AIFF-C; None where a chunk that it needs is not there.

    The number of frames in COMM is a promise too: it stands where SSND says less than that, and the bytes are there.
    """
    found = _chunks_up_to(file, _RIFX, start + 12, stop, b"SSND")
    if b"SSND" not in found:
        return None
    if b"COMM" not in found:
        found = {**_chunks_up_to(file, _RIFX, start + 12, stop, b"COMM"), **found}
    described = bytes_at(file, found[b"COMM"].start, min(22, found[b"COMM"].size)) if b"COMM" in found else b""
    if len(described) < 18:
        return None
    channels, frames, bits, exponent, mantissa = struct.unpack(">HIHHQ", described[:18])
    rate = mantissa * 2.0 ** min(200, (exponent & 0x7FFF) - 16446)
    block, data = channels * -(-bits // 8), found[b"SSND"]
    audio, size = data.start + 8, data.size - 8
    is_open = data.size <= 8 and not _are_chunks(file, _RIFX, data.start + max(0, data.size), stop)
    is_open = is_open or _is_open(data.size)
    edits: tuple[tuple[int, bytes], ...] = ()
    if is_open:
        edits = ((data.start - 4, _packed(">I", stop - data.start)),)
    elif described[18:22] in (b"", b"NONE", b"sowt", b"twos") and size < frames * block <= stop - audio:
        size = frames * block
        edits = ((data.start - 4, _packed(">I", size + 8)),)
    return Extent(start, stop, audio, size, rate * block, is_open, edits).layout()


def caf_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A Core Audio file; None where a chunk that it needs is not there."""
    found = _chunks_up_to(file, _CAF, start + 8, stop, b"data")
    described = bytes_at(file, found[b"desc"].start, 32) if b"desc" in found else b""
    if b"data" not in found or len(described) < 32:
        return None
    rate, _, _, packet_bytes, packet_frames, _, _ = struct.unpack(">d4sIIIII", described)
    bytes_per_s = rate * packet_bytes / packet_frames if packet_frames else 0.0
    data, there = found[b"data"], stop - found[b"data"].start
    is_open = data.size == -1
    # libsndfile takes no size that is open, or larger than the file.
    edits = ((data.start - 8, _packed(">q", there)),) if is_open or data.size > there else ()
    return Extent(start, stop, data.start, data.size, bytes_per_s, is_open, edits).layout()


def au_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A Sun or NeXT file; None where its header is not whole."""
    header = bytes_at(file, start, 24)
    if len(header) < 24:
        return None
    order = ">" if header[:4] == b".snd" else "<"
    offset, size, coding, rate, channels = struct.unpack(order + "IIIII", header[4:])
    bytes_per_s = rate * channels * {1: 1, 27: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8}.get(coding, 1)
    return Extent(start, stop, start + offset, size, bytes_per_s, _is_open(size)).layout()


def mp4_layout(file: BinaryIO, start: int, stop: int) -> Layout:
    """An MP4, which FFmpeg reads: only whether the last of its boxes is whole."""
    place = start
    while place + 8 <= stop:
        header = bytes_at(file, place, 16)
        size = int.from_bytes(header[:4], "big")
        if size == 1:
            size = int.from_bytes(header[8:], "big")
        if size < 8:
            break
        place += size
    return Layout(missing=missing_bytes(place - stop) if place > stop else None)


def _is_open(size: int) -> bool:
    return any(abs(size - largest) <= _NEAR for largest in _OPEN_SIZES) or size >= 1 << 62


def _packed(form: str, size: int) -> bytes:
    """A size as its header holds it, or the largest number that fits there."""
    return struct.pack(form, min(size, (1 << 8 * struct.calcsize(form)) - 1))


def _chunks_up_to(file: BinaryIO, form: _Form, place: int, stop: int, wanted: bytes) -> dict[bytes, _Chunk]:
    """The chunks from `place` on, the first of each name, up to the one that is wanted."""
    found: dict[bytes, _Chunk] = {}
    for name, chunk in _chunks(file, form, place, stop):
        found.setdefault(name, chunk)
        if name == wanted:
            break
    return found


def _chunks(file: BinaryIO, form: _Form, place: int, stop: int) -> Iterator[tuple[bytes, _Chunk]]:
    while place + form.header_bytes <= stop:
        header = bytes_at(file, place, form.header_bytes)
        name, start = header[: form.name_bytes], place + form.header_bytes
        size = struct.unpack(form.size, header[form.name_bytes :])[0] - form.header_bytes * form.counts_header
        yield name[:4], _Chunk(start, size)
        place = start + -(-max(0, size) // form.align) * form.align


def _are_chunks(file: BinaryIO, form: _Form, place: int, stop: int) -> bool:
    """Whether whole chunks fill all from `place` to `stop`, so that no audio is there."""
    while place + form.header_bytes <= stop and _is_name(file, place):
        _, chunk = next(_chunks(file, form, place, stop))
        place = chunk.start + chunk.size + chunk.size % form.align
    return place in (stop, stop + 1)


def _is_name(file: BinaryIO, place: int) -> bool:
    name = bytes_at(file, place, 4)
    return len(name) == 4 and all(32 <= letter < 127 for letter in name)
