"""FLAC (RFC 9639): its block of comments is replaced, all other blocks and the audio stay as they were."""

import shutil
from collections.abc import Mapping
from typing import BinaryIO, Final

from tasks.exports.tags.errors import TagError
from tasks.exports.tags.vorbis_comment import EMPTY, with_fields

_MARK: Final = b"fLaC"
_COMMENTS: Final = 4
_LAST: Final = 0x80
_LARGEST_BLOCK: Final = (1 << 24) - 1


def write_flac(source: BinaryIO, target: BinaryIO, fields: Mapping[str, str]) -> None:
    """Copy a FLAC with other fields; raises TagError if it does not begin as one."""
    if source.read(4) != _MARK:
        raise TagError("it does not begin as a FLAC")
    blocks: list[tuple[int, bytes]] = []
    is_last = False
    while not is_last:
        header = source.read(4)
        size = int.from_bytes(header[1:], "big")
        body = source.read(size)
        if len(header) < 4 or len(body) < size:
            raise TagError("its blocks of metadata are cut off")
        is_last = bool(header[0] & _LAST)
        blocks.append((header[0] & ~_LAST, body))
    comments = next((body for kind, body in blocks if kind == _COMMENTS), EMPTY)
    blocks = [block for block in blocks if block[0] != _COMMENTS]
    blocks.insert(1, (_COMMENTS, with_fields(comments, fields)))
    target.write(_MARK)
    for number, (kind, body) in enumerate(blocks):
        if len(body) > _LARGEST_BLOCK:
            raise TagError("its comments are too long for a FLAC")
        target.write(bytes((kind | (_LAST if number == len(blocks) - 1 else 0),)) + len(body).to_bytes(3, "big") + body)
    shutil.copyfileobj(source, target)
