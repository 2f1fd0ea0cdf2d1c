"""Truncation: what a file's header promises, against its size and the frames that were decoded.

No decoder reports it: half a WAV or MP3 decodes without a word. WAV and AIFF name the bytes of their audio; Ogg marks
its last page; MP3 counts its frames and bytes in a Xing or VBRI header, and without one its last frame must be whole.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO, Final

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError

_TAIL: Final = 1 << 16
_ONE_FRAME: Final = 1441
"""The longest frame: some encoders count the frame that holds the Xing header twice."""


def check_whole(path: Path, frames: int | None, frames_read: int) -> None:
    """Raise `AudioError` truncated if the header promised more than there is, vanished if the file is gone."""
    if frames is not None and frames_read < frames:
        raise AudioError(Reason.TRUNCATED, f"the header names {frames} frames, {frames_read} were decoded")
    try:
        with path.open("rb") as file:
            missing = _what_is_missing(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    if missing:
        raise AudioError(Reason.TRUNCATED, missing)


def _what_is_missing(file: BinaryIO, size: int) -> str | None:
    """What a file lacks, in words; None if it is whole or makes no promise."""
    head = file.read(12)
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        return _missing_bytes(_overhang(file, size, b"data", "<I"))
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _missing_bytes(_overhang(file, size, b"SSND", ">I"))
    if head[:4] == b"OggS":
        return None if _ends_ogg(file, size) else "the last page of the Ogg stream is missing"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] >= 0xE0):
        return _missing_from_mp3(file, size)
    return None


def _missing_bytes(count: int) -> str | None:
    return f"{count} bytes of audio are missing at the end of the file" if count > 0 else None


def _overhang(file: BinaryIO, file_size: int, wanted: bytes, size_format: str) -> int:
    """Walk the chunks of an IFF file to `wanted`; how far its stated end lies behind `file_size`, in bytes."""
    while len(header := file.read(8)) == 8:
        name, size = header[:4], struct.unpack(size_format, header[4:])[0]
        if name == wanted:
            # Recorders that stream leave the size open as all ones: that is no promise to hold them to.
            return 0 if size == 0xFFFFFFFF else max(0, file.tell() + size - file_size)
        file.seek(size + (size & 1), os.SEEK_CUR)
    return 0


def _ends_ogg(file: BinaryIO, size: int) -> bool:
    """Whether the last page of an Ogg stream is whole and marked as the last (RFC 3533, section 6)."""
    file.seek(max(0, size - _TAIL))
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + 27:
        return False
    segments = tail[page + 26]
    body = sum(tail[page + 27 : page + 27 + segments])
    return bool(tail[page + 5] & 4) and len(tail) >= page + 27 + segments + body


def _missing_from_mp3(file: BinaryIO, size: int) -> str | None:
    start = _after_id3(file)
    file.seek(start)
    head = file.read(_TAIL)
    first = _first_frame(head)
    if first is None:
        return None
    promised = _promised_bytes(head[first:])
    if promised is not None:
        overhang = start + first + promised - size
        return _missing_bytes(overhang) if overhang > _ONE_FRAME else None
    file.seek(max(start + first, size - _TAIL))
    return _missing_bytes(_overhang_of_last_frame(file.read()))


def _after_id3(file: BinaryIO) -> int:
    """Where the audio begins behind an ID3v2 tag."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = (head[6] << 21) | (head[7] << 14) | (head[8] << 7) | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)


def _first_frame(data: bytes) -> int | None:
    """The place of the first MPEG audio frame that another one follows; None if there is none."""
    place = data.find(0xFF)
    while 0 <= place < len(data) - 4:
        length = _frame_length(data, place)
        if length and (place + length + 4 > len(data) or _frame_length(data, place + length)):
            return place
        place = data.find(0xFF, place + 1)
    return None


_BITRATES: Final = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits per second by (MPEG-1, layer) and index (ISO 11172-3, ISO 13818-3)."""

_RATES: Final = (44_100, 48_000, 32_000)


def _frame_length(data: bytes, place: int) -> int:
    """Bytes of the MPEG audio frame whose header is at `place`; 0 if there is no header."""
    if place + 4 > len(data) or data[place] != 0xFF or data[place + 1] < 0xE0:
        return 0
    version, layer = (data[place + 1] >> 3) & 3, 4 - ((data[place + 1] >> 1) & 3)
    bitrate_index, rate_index = data[place + 2] >> 4, (data[place + 2] >> 2) & 3
    if version == 1 or layer == 4 or bitrate_index in (0, 15) or rate_index == 3:
        return 0
    mpeg1 = version == 3
    rate = _RATES[rate_index] // {3: 1, 2: 2, 0: 4}[version]
    bitrate = 1000 * _BITRATES[mpeg1, layer][bitrate_index]
    padding = (data[place + 2] >> 1) & 1
    if layer == 1:
        return (12 * bitrate // rate + padding) * 4
    return (144 if mpeg1 or layer == 2 else 72) * bitrate // rate + padding


def _promised_bytes(frame: bytes) -> int | None:
    """The bytes from the first frame to the end that a Xing, Info or VBRI header in that frame states."""
    for name in (b"Xing", b"Info"):
        place = frame.find(name, 0, 64)
        if place >= 0 and len(frame) >= place + 16:
            flags, *numbers = struct.unpack(">III", frame[place + 4 : place + 16])
            return {3: numbers[1], 2: numbers[0]}.get(flags & 3)
    place = frame.find(b"VBRI", 0, 64)
    if place >= 0 and len(frame) >= place + 14:
        return int(struct.unpack(">I", frame[place + 10 : place + 14])[0])
    return None


def _overhang_of_last_frame(tail: bytes) -> int:
    """How many bytes the last frame in the tail of an MP3 file lacks; what is no frame (a tag) ends the walk."""
    place = _first_frame(tail)
    if place is None:
        return 0
    while length := _frame_length(tail, place):
        place += length
    return max(0, place - len(tail))
