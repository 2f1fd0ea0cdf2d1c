"""Vorbis and Opus in Ogg (RFC 3533, RFC 7845): the comment header is replaced, the audio stays as it was."""

import shutil
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Final, NamedTuple

from tasks.exports.tags.errors import TagError
from tasks.exports.tags.vorbis_comment import with_fields

_HEADER: Final = struct.Struct("<4sBBqIIIB")
_CONTINUED, _FIRST = 1, 2
_PAGE_SEGMENTS: Final = 255
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ALL: Final = 0xFFFF_FFFF
_HEADERS: Final = {b"\x01vorbis": (3, b"\x03vorbis"), b"OpusHead": (2, b"OpusTags")}
"""By how the first packet begins: how many packets of headers there are, and how the comments begin."""


class _Page(NamedTuple):
    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: bytes


def write_ogg(source: BinaryIO, target: BinaryIO, fields: Mapping[str, str]) -> None:
    """Copy an Ogg file with other fields in its first stream; raises TagError for another codec, or several at once."""
    first = _read_page(source)
    count, mark = next((known for begin, known in _HEADERS.items() if first and first.body.startswith(begin)), (0, b""))
    if first is None or not count:
        raise TagError("it is no Ogg file with Vorbis or Opus")
    packets, pages = _read_packets(source, first.serial, count - 1)
    if not packets[0].startswith(mark):
        raise TagError("its comments cannot be read")
    packets[0] = mark + with_fields(packets[0][len(mark) :], fields)
    target.write(_written(first))
    made = list(_pages_of(packets, first.serial))
    for page in made:
        target.write(_written(page))
    if len(made) == pages:
        shutil.copyfileobj(source, target)
        return
    while following := _read_page(source):
        moved = len(made) - pages if following.serial == first.serial else 0
        target.write(_written(following._replace(number=following.number + moved)))


def _read_page(source: BinaryIO) -> _Page | None:
    """The next page; None at the end of the file."""
    header = source.read(_HEADER.size)
    if not header:
        return None
    if len(header) < _HEADER.size:
        raise TagError("its last page is cut off")
    mark, version, flags, granule, serial, number, _, segments = _HEADER.unpack(header)
    lacing = source.read(segments)
    body = source.read(sum(lacing))
    if mark != b"OggS" or version or len(body) < sum(lacing):
        raise TagError("it has something between its pages, or its last page is cut off")
    return _Page(flags, granule, serial, number, lacing, body)


def _read_packets(source: BinaryIO, serial: int, count: int) -> tuple[list[bytes], int]:
    """So many packets, and on how many pages they are, of which the last holds nothing else."""
    packets: list[bytes] = []
    begun, pages = b"", 0
    while len(packets) < count:
        page = _read_page(source)
        if page is None or page.serial != serial or page.flags & _FIRST:
            raise TagError("its streams lie side by side, or its headers are cut off")
        pages += 1
        place = 0
        for size in page.lacing:
            begun += page.body[place : place + size]
            place += size
            if size < _PAGE_SEGMENTS:
                packets.append(begun)
                begun = b""
    if len(packets) > count or begun:
        raise TagError("its audio begins on the page of its headers")
    return packets, pages


def _pages_of(packets: list[bytes], serial: int) -> Iterator[_Page]:
    """Pages 1 and following, which hold the headers behind the first."""
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes((len(one) % 255,)) for one in packets)
    body, continued = b"".join(packets), 0
    for number, start in enumerate(range(0, len(lacing), _PAGE_SEGMENTS), start=1):
        part = lacing[start : start + _PAGE_SEGMENTS]
        held, body = body[: sum(part)], body[sum(part) :]
        ends_packet = any(size < 255 for size in part)
        yield _Page(continued, 0 if ends_packet else -1, serial, number, part, held)
        continued = _CONTINUED if part[-1] == 255 else 0


def _written(page: _Page) -> bytes:
    def with_sum(crc: int) -> bytes:
        fixed = _HEADER.pack(b"OggS", 0, page.flags, page.granule, page.serial, page.number, crc, len(page.lacing))
        return fixed + page.lacing + page.body

    return with_sum(_check_sum(with_sum(0)))


def _check_sum(content: bytes) -> int:
    """The CRC of Ogg, which is that of zlib with the bits the other way round, from 0 and without a final inversion."""
    mirrored = zlib.crc32(content.translate(_MIRRORED), _ALL) ^ _ALL
    return int(f"{mirrored:032b}"[::-1], 2)
