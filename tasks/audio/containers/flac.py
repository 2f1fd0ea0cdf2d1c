"""FLAC: how many frames the header promises, and the file shown so that the decoder goes on to its real end."""

from typing import BinaryIO, Final

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


def flac_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """A FLAC file; None where it does not begin with its STREAMINFO."""
    file.seek(start)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[5:8] != _STREAMINFO:
        return None
    promised, end = promised_frames(header), before_trailing_tags(file, start, stop)
    missing = None
    if promised is not None and promised > (end - start) // _SMALLEST_FRAME * _LARGEST_BLOCK:
        missing = f"the header names {promised} frames, more than {end - start} bytes can hold"
    file.seek(_first_frame(file, start, stop))
    view = (corrected(header, file.read(FRAME_HEADER_BYTES)), Span(start + HEADER_BYTES, end))
    return Layout((Stream((view,), promised=promised),), missing)


def promised_frames(header: bytes) -> int | None:
    """The number of frames that the first `HEADER_BYTES` name; None where it was not known."""
    return int.from_bytes(header[21:26], "big") & 0xF_FFFF_FFFF or None


def corrected(header: bytes, first_frame: bytes) -> bytes:
    """The same header without a number of frames, and with the size of blocks that the first frame has.

    A decoder that reads a number of frames stops there, whatever follows; and it places frames by the size of blocks.
    """
    block = _block_size(first_frame)
    sizes = header[8:12] if block is None else block.to_bytes(2, "big") * 2
    return header[:8] + sizes + header[12:21] + bytes((header[21] & 0xF0, 0, 0, 0, 0)) + header[26:]


def _first_frame(file: BinaryIO, start: int, stop: int) -> int:
    """Where the blocks of metadata end."""
    place, is_last = start + 4, False
    while not is_last and place < stop:
        file.seek(place)
        header = file.read(4)
        is_last = len(header) < 4 or bool(header[0] & _LAST_BLOCK)
        place += 4 + int.from_bytes(header[1:], "big")
    return place


def _block_size(frame: bytes) -> int | None:
    """The samples of the first frame of a stream whose blocks are of one size; None if they are not, or it is none."""
    if len(frame) < FRAME_HEADER_BYTES or frame[:2] != _EVEN_BLOCKS:
        return None
    code = frame[2] >> 4
    if code in (6, 7):
        return min(_LARGEST_BLOCK, int.from_bytes(frame[5:code], "big") + 1)
    if code < 2:
        return 192 if code else None
    return 576 << (code - 2) if code < 6 else 256 << (code - 8)
