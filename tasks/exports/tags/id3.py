"""ID3v2.3 and ID3v2.4 in front of an MP3 (id3.org): text frames are replaced, all others stay byte for byte."""

import shutil
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final

from tasks.exports.tags.errors import TagError

_HEADER_BYTES: Final = 10
_FRAME_HEADER_BYTES: Final = 10
_SYNC: Final = 0xFFE0
_PADDING: Final = b"\0" * 1024
_NEW_VERSION, _OLD_VERSION = 4, 3
_FRAME_NAMES: Final = {"BPM": b"TBPM", "INITIALKEY": b"TKEY"}
"""Fields that have a frame of their own; any other is a `TXXX` of its name."""

_LATIN_1: Final = b"\0"
_ENCODINGS: Final = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}


def write_id3(source: BinaryIO, target: BinaryIO, fields: Mapping[str, str]) -> None:
    """Copy an MP3 with other fields, whose values are ASCII; raises TagError for a tag that is not understood."""
    header = source.read(_HEADER_BYTES)
    version, frames = _NEW_VERSION, b""
    if header[:3] == b"ID3":
        version = header[3]
        if version not in (_OLD_VERSION, _NEW_VERSION) or header[5]:
            raise TagError(f"its ID3 tag is of a kind that is not written: version 2.{version}, flags {header[5]:#x}")
        content = source.read(_syncsafe_int(header[6:10]))
        frames = b"".join(frame for frame in _frames(content, version) if _field_of(frame) not in fields)
        if source.read(3) == b"ID3":
            raise TagError("it has two ID3 tags, one after the other")
        source.seek(_HEADER_BYTES + len(content))
    elif int.from_bytes(header[:2], "big") & _SYNC == _SYNC:
        source.seek(0)
    else:
        raise TagError("it does not begin as an MP3")
    frames += b"".join(_frame(name, text, version) for name, text in fields.items()) + _PADDING
    target.write(b"ID3" + bytes((version, 0, 0)) + _syncsafe(len(frames)) + frames)
    shutil.copyfileobj(source, target)


def _frames(content: bytes, version: int) -> Iterator[bytes]:
    """The frames of a tag, each with its header, up to the padding."""
    place = 0
    while place < len(content) and content[place]:
        header = content[place : place + _FRAME_HEADER_BYTES]
        size = _syncsafe_int(header[4:8]) if version == _NEW_VERSION else int.from_bytes(header[4:8], "big")
        stop = place + _FRAME_HEADER_BYTES + size
        name = header[:4]
        if not name.isalnum() or name.upper() != name or stop > len(content):
            raise TagError("its ID3 tag has a frame that cannot be read")
        yield content[place:stop]
        place = stop
    if content[place:].strip(b"\0"):
        raise TagError("its ID3 tag has bytes behind its last frame")


def _field_of(frame: bytes) -> str | None:
    """The field that a frame holds: by its name, or by the description of a `TXXX`."""
    name = frame[:4]
    if name != b"TXXX":
        return next((field for field, own in _FRAME_NAMES.items() if own == name), None)
    body = frame[_FRAME_HEADER_BYTES:]
    encoding = _ENCODINGS.get(body[0] if body else -1)
    if encoding is None:
        return None
    described = body[1:].decode(encoding, errors="replace").partition("\0")[0]
    return described.upper()


def _frame(field: str, text: str, version: int) -> bytes:
    own = _FRAME_NAMES.get(field)
    body = _LATIN_1 + (b"" if own else field.encode("ascii") + b"\0") + text.encode("ascii")
    size = _syncsafe(len(body)) if version == _NEW_VERSION else len(body).to_bytes(4, "big")
    return (own or b"TXXX") + size + b"\0\0" + body


def _syncsafe(number: int) -> bytes:
    return bytes((number >> shift) & 0x7F for shift in (21, 14, 7, 0))


def _syncsafe_int(four: bytes) -> int:
    if len(four) < 4 or any(byte & 0x80 for byte in four):
        raise TagError("its ID3 tag states a size that cannot be")
    return four[0] << 21 | four[1] << 14 | four[2] << 7 | four[3]
