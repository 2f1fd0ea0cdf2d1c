"""The decoder for nearly everything: libsndfile, told what it cannot know of a file."""

import sys
from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from storage.vocabulary import Reason
from tasks.audio.containers.chunks import FORGIVEN_S
from tasks.audio.containers.spliced import spliced
from tasks.audio.containers.streams import Layout, Stream
from tasks.audio.errors import AudioError

Block = NDArray[np.float32]

_BLOCK_FRAMES: Final = 1 << 16
_RUN_UP: Final = 1 << 13
"""Frames decoded before a cut and thrown away: an MP3's first frames after a jump lack what earlier ones held."""

_UNKNOWN: Final = 1 << 62
"""libsndfile names more frames than this where it knows no number."""


class _Straight(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file read from where it stands to its end.

    Of a file that says it can be sought in, soundfile seeks to where it stands after every reading, and after that the
    next frames of an MP3 come out wrong.
    """

    def seekable(self) -> bool:
        return False


class LibsndfileReader:
    """The streams of a file, one after the other; opening raises `soundfile.SoundFileError`."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        """Open the first stream of an unbuffered file."""
        self._file, self._streams = file, layout.streams
        self._first = _OpenStream(file, layout.streams[0])
        self.rate: int = self._first.rate
        self.frames: int | None = self._first.frames if len(layout.streams) == 1 else None

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        """Frames (n, channels) from `start` on, at most so many; once."""
        with self._file:
            if len(self._streams) == 1:
                yield from self._first.blocks(start, most)
            else:
                yield from cut(self._chained(), start, most)

    def close(self) -> None:
        """Close the file."""
        self._first.close()
        self._file.close()

    def _chained(self) -> Iterator[Block]:
        yield from self._first.blocks()
        for stream in self._streams[1:]:
            try:
                following = _OpenStream(self._file, stream)
            except soundfile.SoundFileError as error:
                raise AudioError(Reason.TRUNCATED, f"decoding stopped at a further stream: {_plain(error)}") from None
            yield from _at_rate(following.blocks(), following.rate, self.rate)


def cut(blocks: Iterator[Block], start: int, most: int) -> Iterator[Block]:
    """The frames from `start` on, at most so many, of blocks that come one after the other."""
    seen = 0
    for block in blocks:
        wanted = block[max(0, start - seen) : max(0, start + most - seen)]
        seen += len(block)
        if len(wanted):
            yield wanted
        if seen >= start + most:
            return


def _at_rate(blocks: Iterator[Block], rate: int, wanted: int) -> Iterator[Block]:
    """A further stream at the rate of the first."""
    resampler = None
    for block in blocks:
        if rate == wanted:
            yield block
            continue
        resampler = resampler or soxr.ResampleStream(rate, wanted, block.shape[1], dtype="float32")
        yield resampler.resample_chunk(block)
    if resampler is not None:
        yield resampler.resample_chunk(np.empty((0, block.shape[1]), np.float32), last=True)


class _OpenStream:
    """One stream, in the view in which the decoder expects all of it."""

    def __init__(self, file: BinaryIO, stream: Stream) -> None:
        for view in stream.views:
            file.seek(0)
            self._sound = _Straight(spliced(file, view) if view else file.fileno(), closefd=False)
            expected: int = self._sound.frames
            if stream.frames is None or expected >= stream.frames:
                break
        self.rate: int = self._sound.samplerate
        known = expected if expected < _UNKNOWN else None
        self.frames = stream.promised or (known if stream.frames is None else min(expected, stream.frames))
        self._is_counted = stream.frames is not None
        self._slack = round(FORGIVEN_S * self.rate) if stream.slack is None else stream.slack

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        """Frames from `start` on; raises `AudioError` truncated where fewer come than were promised."""
        with self._sound:
            if start > _RUN_UP:
                self._sound.seek(min(start, self._sound.frames) - _RUN_UP)
            self._read(min(start, _RUN_UP))
            left = sys.maxsize if self.frames is None else max(0, self.frames - start)
            while left > 0 and most > 0 and len(block := self._read(min(_BLOCK_FRAMES, most, left))):
                most -= len(block)
                left -= len(block)
                yield block
            if most <= 0 or self.frames is None:
                return
            if left > self._slack:
                decoded = self.frames - left
                raise AudioError(Reason.TRUNCATED, f"the header names {self.frames} frames, {decoded} were decoded")
            if not self._is_counted:
                yield from self._beyond(most)

    def close(self) -> None:
        """Let go of the decoder."""
        self._sound.close()

    def _beyond(self, most: int) -> Iterator[Block]:
        """What follows the frames that were promised; what cannot be decoded there is no audio."""
        try:
            while most > 0 and len(block := self._read(min(_BLOCK_FRAMES, most))):
                most -= len(block)
                yield block
        except AudioError:
            return

    def _read(self, frames: int) -> Block:
        try:
            block: Block = self._sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.SoundFileError as error:
            raise AudioError(Reason.TRUNCATED, f"decoding stopped: {_plain(error)}") from None
        return block


def _plain(error: Exception) -> str:
    """What libsndfile says, without the name that soundfile puts before it."""
    return str(getattr(error, "error_string", None) or error)
