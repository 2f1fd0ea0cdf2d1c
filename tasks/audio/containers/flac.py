"""FLAC: how many frames the header promises, and the file shown so that the decoder goes on to its real end."""

from typing import BinaryIO, Final

from tasks.audio.containers.byte_ranges import bytes_at
from tasks.audio.containers.spliced import Span
from tasks.audio.containers.streams import Layout, Stream
from tasks.audio.containers.tag_borders import before_trailing_tags

HEADER_BYTES: Final = 42
"""The mark, the header of the first block, and that block: STREAMINFO."""

FRAME_HEADER_BYTES: Final = 16
_STREAMINFO: Final = bytes((0, 0, 34))
_SMALLEST_FRAME: Final = 10
_LARGEST_BLOCK: Final = 65_535
_LAST_BLOCK: Final = 0x80
_EVEN_BLOCKS: Final = b"\xff\xf8"
_RATES: Final = (88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
"""Sample rates by the code of a frame's header less one."""

_BITS: Final = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}


def flac_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A FLAC file; None where it does not begin with its STREAMINFO."""
    header = bytes_at(file, start, HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[5:8] != _STREAMINFO:
        return None
    promised, end = promised_frames(header), before_trailing_tags(file, start, stop)
    missing = None
    if promised is not None and promised > (end - start) // _SMALLEST_FRAME * _LARGEST_BLOCK:
        missing = f"the header names {promised} frames, more than {end - start} bytes can hold"
    frame = bytes_at(file, _first_frame(file, start, end), FRAME_HEADER_BYTES)
    view = (corrected(header, frame), Span(start + HEADER_BYTES, end))
    return Layout((Stream((view,), promised=promised),), missing)


def promised_frames(header: bytes) -> int | None:
    """The number of frames that the first `HEADER_BYTES` name; None where it was not known."""
    return int.from_bytes(header[21:26], "big") & 0xF_FFFF_FFFF or None


def corrected(header: bytes, frame: bytes) -> bytes:
    """The same header without a number of frames, and otherwise as the first frame has it.

    A decoder that reads a number of frames stops there, whatever follows. It places frames by the size of blocks that
    the header names, and takes rate, channels and bits from there too, where the frames may know better.
    """
    packed = int.from_bytes(header[18:26], "big") >> 36
    rate, channels, bits = packed >> 8, (packed >> 5) & 7, packed & 31
    sizes = header[8:12]
    if _is_first_frame(frame):
        code = frame[2] & 15
        rate = _RATES[code - 1] if 0 < code <= len(_RATES) else rate
        channels = frame[3] >> 4 if frame[3] >> 4 < 8 else 1
        bits = _BITS.get((frame[3] >> 1) & 7, bits + 1) - 1
        sizes = _block_size(frame).to_bytes(2, "big") * 2
    numbers = (rate << 8 | channels << 5 | bits) << 36
    return header[:8] + sizes + header[12:18] + numbers.to_bytes(8, "big") + header[26:]


def _first_frame(file: BinaryIO, start: int, stop: int) -> int:
    """Where the blocks of metadata end."""
    place, is_last = start + 4, False
    while not is_last and place < stop:
        header = bytes_at(file, place, 4)
        is_last = len(header) < 4 or bool(header[0] & _LAST_BLOCK)
        place += 4 + int.from_bytes(header[1:], "big")
    return place


def _is_first_frame(frame: bytes) -> bool:
    """Whether this is the header of frame 0, whole, in a stream whose blocks are of one size."""
    if len(frame) < FRAME_HEADER_BYTES or frame[:2] != _EVEN_BLOCKS or frame[2] >> 4 == 0 or frame[4] != 0:
        return False
    block, rate = frame[2] >> 4, frame[2] & 15
    length = 5 + {6: 1, 7: 2}.get(block, 0) + {12: 1, 13: 2, 14: 2}.get(rate, 0)
    return _crc8(frame[:length]) == frame[length]


def _block_size(frame: bytes) -> int:
    """The samples of a frame."""
    code = frame[2] >> 4
    if code in (6, 7):
        return min(_LARGEST_BLOCK, int.from_bytes(frame[5:code], "big") + 1)
    if code < 6:
        return 192 if code == 1 else 576 << (code - 2)
    return 256 << (code - 8)


def _crc8(content: bytes) -> int:
    """The check sum of a frame's header: x^8 + x^2 + x + 1."""
    remainder = 0
    for byte in content:
        remainder ^= byte
        for _ in range(8):
            remainder = (remainder << 1 ^ 0x07 if remainder & 0x80 else remainder << 1) & 0xFF
    return remainder
