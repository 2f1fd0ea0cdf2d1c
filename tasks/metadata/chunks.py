"""The chunks of a WAV, AIFF or CAF file: which there are, how long they are, and what is in those that are asked for.

The walk seeks from header to header, so a file of any length costs a few reads. What is broken ends the walk, and never
raises: what was found before it stands.
"""

import os
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

_MOST_CHUNKS: Final = 4096
_MOST_BYTES: Final = 1 << 24
"""What is longer is passed over: words and numbers take a few bytes, the pictures beside them some more."""


@dataclass(frozen=True)
class Chunks:
    """The chunks of a file: its format, the byte order of its numbers as `struct` has it, and the chunks by name.

    `bodies` has every chunk that was asked for, in the order of the file; `sizes` has the length in bytes that each
    chunk of any name states.
    """

    format: str = ""
    order: str = ">"
    bodies: dict[bytes, list[bytes]] = field(default_factory=dict)
    sizes: dict[bytes, int] = field(default_factory=dict)

    def first(self, name: bytes, least: int) -> bytes | None:
        """The first chunk of a name that is at least so many bytes long."""
        return next((body for body in self.bodies.get(name, ()) if len(body) >= least), None)


def read_chunks(path: Path, wanted: Collection[bytes]) -> Chunks:
    """The chunks of a file; of a file that is neither WAV, AIFF nor CAF, or cannot be read, there are none."""
    try:
        with path.open("rb") as file:
            return _walk(file, frozenset(wanted))
    except OSError:
        return Chunks()


def _walk(file: BinaryIO, wanted: frozenset[bytes]) -> Chunks:
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE":
        return _read(file, Chunks("wav", "<"), "<I", wanted | {b"ds64"})
    if head[:4] == b"RIFX" and head[8:] == b"WAVE":
        return _read(file, Chunks("wav", ">"), ">I", wanted)
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _read(file, Chunks("aiff", ">"), ">I", wanted)
    if head[:4] == b"caff":
        file.seek(8)
        return _read(file, Chunks("caf", ">"), ">q", wanted)
    return Chunks()


def _read(file: BinaryIO, chunks: Chunks, size_format: str, wanted: frozenset[bytes]) -> Chunks:
    header_size, file_size = 4 + struct.calcsize(size_format), os.fstat(file.fileno()).st_size
    for _ in range(_MOST_CHUNKS):
        header = file.read(header_size)
        if len(header) < header_size:
            break
        name, (size,) = header[:4], struct.unpack(size_format, header[4:])
        if name == b"data" and chunks.format == "wav":
            size = _stated_elsewhere(chunks, size)
        chunks.sizes.setdefault(name, size)
        # Who streams leaves the size of the audio open, so nobody knows where it ends; it is the last chunk then.
        if size < 0 or (name in (b"data", b"SSND") and size in (0, 0xFFFFFFFF)):
            break
        end = file.tell() + size
        if end > file_size:
            break
        if name in wanted and size <= _MOST_BYTES:
            chunks.bodies.setdefault(name, []).append(file.read(size))
        file.seek(end)
        if size & 1 and chunks.format != "caf":
            _pass_padding(file)
    return chunks


def _stated_elsewhere(chunks: Chunks, size: int) -> int:
    """The size of the audio of a WAV beyond 4 GB stands in a chunk of its own (EBU Tech 3306)."""
    sizes = chunks.first(b"ds64", 16)
    return int(struct.unpack_from("<Q", sizes, 8)[0]) if sizes and size == 0xFFFFFFFF else size


def _pass_padding(file: BinaryIO) -> None:
    """An odd chunk is padded with a zero byte; some programs forget it, and then a name follows at once."""
    if file.read(1) not in (b"\0", b""):
        file.seek(-1, os.SEEK_CUR)
