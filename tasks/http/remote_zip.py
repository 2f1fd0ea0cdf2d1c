"""Reading single members of a remote zip archive over HTTP ranges, without downloading it whole."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

import requests

from tasks.http.client import RequestError, RetryPolicy, TransientError, get, retrying
from tasks.http.resumable_download import RemoteFile

ReadRange = Callable[[int, int], bytes]
"""Bytes from a first offset up to, but not including, a second one."""

_TAIL: Final = 4096
_LOCAL_HEADER: Final = struct.Struct("<4s5H3I2H")
_MOST_EXTRA: Final = 1 << 16
_LARGEST_MEMBER: Final = 1 << 30


class RangesIgnoredError(RequestError):
    """The server sends whole files only; the archive must be downloaded first."""


class ZipError(Exception):
    """An archive, or a member of it, that cannot be read; the message says which and why."""


class RemoteZip:
    """The members of an archive of `size` bytes behind `read_range`; reading them is safe from several threads."""

    def __init__(self, read_range: ReadRange, size: int) -> None:
        """Read the central directory, ZIP64 or not; raises ZipError if there is none."""
        self._read_range = read_range
        try:
            with zipfile.ZipFile(_Window(read_range, size)) as archive:
                self._members = {info.filename: info for info in archive.infolist() if not info.is_dir()}
                self._directory_start = archive.start_dir
        except (zipfile.BadZipFile, struct.error, EOFError, UnicodeDecodeError, NotImplementedError) as error:
            raise ZipError(f"the archive's directory cannot be read: {error}") from None
        starts = sorted(info.header_offset for info in self._members.values())
        self._end_of = dict(zip(starts, [*starts[1:], self._directory_start], strict=True))

    @property
    def names(self) -> list[str]:
        """The members' names, in the archive's order."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """One member, unpacked, its size and CRC checked; raises ZipError, or RequestError if the server fails."""
        info = self._members[name]
        if info.file_size > _LARGEST_MEMBER:
            raise ZipError(f"{name}: {info.file_size} bytes unpacked; at most {_LARGEST_MEMBER} are read")
        # Up to the next member, since the local header's length is not in the directory; but never over a gap.
        longest = _LOCAL_HEADER.size + len(info.orig_filename.encode()) + _MOST_EXTRA + info.compress_size
        end = min(self._end_of[info.header_offset], info.header_offset + longest)
        return _unpack(info, self._read_range(info.header_offset, end))


def http_ranges(file: RemoteFile, session: requests.Session, retries: RetryPolicy) -> ReadRange:
    """Ranges of a file on a server; each is asked for again if it was cut.

    The reader raises RangesIgnoredError if the server sends the whole file, and RequestError if it fails.
    """

    def ask(start: int, end: int) -> bytes:
        with get(session, file.url, {"Range": f"bytes={start}-{end - 1}"}) as answer:
            if answer.status_code == 200:
                raise RangesIgnoredError(f"{file.name}: the server does not send parts of files")
            stated = re.match(r"bytes (\d+)-(\d+)/", answer.headers.get("Content-Range", ""))
            if answer.status_code != 206 or stated is None or int(stated.group(1)) != start:
                raise TransientError(f"{file.name}: another range came than bytes {start} to {end}")
            content = answer.content
        if len(content) != end - start:
            raise TransientError(f"{file.name}: {len(content)} bytes came instead of {end - start}")
        return content

    return lambda start, end: retrying(lambda: ask(start, end), retries)


def file_ranges(path: Path) -> ReadRange:
    """Ranges of a file on this machine."""

    def read(start: int, end: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(end - start)

    return read


class _Window(io.RawIOBase):
    """What `zipfile` needs to find a directory: a seekable file that holds its tail and asks for anything else."""

    def __init__(self, read_range: ReadRange, size: int) -> None:
        self._read_range, self._size, self._place = read_range, size, 0
        self._tail_start = max(0, size - _TAIL)
        self._tail = read_range(self._tail_start, size) if size else b""

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the start of the archive")
        self._place = base + offset
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._place + size)
        start, self._place = self._place, max(self._place, end)
        if start >= end:
            return b""
        if start >= self._tail_start:
            return self._tail[start - self._tail_start : end - self._tail_start]
        return self._read_range(start, min(end, self._tail_start)) + self._tail[: max(0, end - self._tail_start)]


def _unpack(info: zipfile.ZipInfo, stored: bytes) -> bytes:
    """Unpack a member from its local header on; raises ZipError."""
    name = info.filename
    if len(stored) < _LOCAL_HEADER.size or stored[:4] != b"PK\x03\x04":
        raise ZipError(f"{name}: there is no member where the directory says")
    fields = _LOCAL_HEADER.unpack_from(stored)
    start = _LOCAL_HEADER.size + fields[9] + fields[10]
    packed = stored[start : start + info.compress_size]
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ZipError(f"{name}: is encrypted, or packed by a method that is not read")
    if info.compress_type == zipfile.ZIP_DEFLATED:
        try:
            packed = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, info.file_size + 1)
        except zlib.error as error:
            raise ZipError(f"{name}: cannot be unpacked: {error}") from None
    if len(packed) != info.file_size or zlib.crc32(packed) != info.CRC:
        raise ZipError(f"{name}: its size or CRC is not what the directory says")
    return packed
