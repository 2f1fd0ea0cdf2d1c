"""A file as its decoder is to see it: pieces of the file on the disk, one after the other, with other bytes between."""

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, BinaryIO, Final, NamedTuple

_READ_AT_ONCE: Final = 1 << 16


class Span(NamedTuple):
    """The bytes of a file from `start` up to `stop`."""

    start: int
    stop: int


Piece = bytes | Span
"""Bytes that stand in no file, or a stretch of the file on the disk."""


def spliced(file: BinaryIO, pieces: Sequence[Piece]) -> BinaryIO:
    """A read-only file of some pieces; `file` must be unbuffered, and stays open."""
    return io.BufferedReader(_Spliced(file, pieces), _READ_AT_ONCE)


class _Spliced(io.RawIOBase):
    def __init__(self, file: BinaryIO, pieces: Sequence[Piece]) -> None:
        self._file, self._pieces, self._place = file, pieces, 0
        sizes = (len(piece) if isinstance(piece, bytes) else piece.stop - piece.start for piece in pieces)
        self._stops = [0, *accumulate(sizes)]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._stops[-1]}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any) -> int:
        if self._place >= self._stops[-1]:
            return 0
        view = memoryview(buffer).cast("B")
        number = bisect_right(self._stops, self._place) - 1
        piece, inside = self._pieces[number], self._place - self._stops[number]
        wanted = min(len(view), self._stops[number + 1] - self._place)
        if isinstance(piece, bytes):
            view[:wanted] = piece[inside : inside + wanted]
            read = wanted
        else:
            self._file.seek(piece.start + inside)
            read = self._file.readinto(view[:wanted]) or 0  # type: ignore[attr-defined]
        self._place += read
        return read


def edited(start: int, stop: int, edits: Sequence[tuple[int, bytes]]) -> tuple[Piece, ...]:
    """The pieces from `start` to `stop` with other bytes at some places, which are in order."""
    pieces: list[Piece] = []
    for place, new in edits:
        pieces += [Span(start, place), new]
        start = place + len(new)
    return (*pieces, Span(start, stop))
