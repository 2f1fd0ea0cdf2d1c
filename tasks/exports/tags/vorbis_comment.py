"""The comment header of Vorbis (xiph.org), which FLAC and Opus have too: fields are replaced, all others stay."""

import struct
from collections.abc import Mapping
from typing import Final

from tasks.exports.tags.errors import TagError

EMPTY: Final = struct.pack("<II", 0, 0)
"""A header without a vendor and without fields."""


def with_fields(comment: bytes, fields: Mapping[str, str]) -> bytes:
    """The header with other fields; what stands behind its last field stays. Raises TagError if it is broken."""
    try:
        vendor, place = _text(comment, 0)
        (count,) = struct.unpack_from("<I", comment, place)
        place += 4
        kept = []
        for _ in range(count):
            field, place = _text(comment, place)
            if field.partition(b"=")[0].decode("ascii", "replace").upper() not in fields:
                kept.append(field)
    except struct.error as error:
        raise TagError("its comments cannot be read") from error
    kept += [f"{name}={text}".encode() for name, text in fields.items()]
    body = b"".join(struct.pack("<I", len(field)) + field for field in kept)
    return struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(kept)) + body + comment[place:]


def _text(comment: bytes, place: int) -> tuple[bytes, int]:
    """A text with its length before it, and the place behind it."""
    (size,) = struct.unpack_from("<I", comment, place)
    stop = place + 4 + size
    if stop > len(comment):
        raise struct.error
    return comment[place + 4 : stop], stop
