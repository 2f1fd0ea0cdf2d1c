"""Readers: the frames of a file as its decoder gives them, block by block.

libsndfile reads WAV, AIFF, FLAC, OGG, MP3 and CAF; FFmpeg, through the optional PyAV, reads the rest.
"""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError

Block = NDArray[np.float32]

FOREIGN: Final = frozenset({".m4a", ".mp4", ".aac", ".opus", ".wma", ".ape", ".wv", ".mka", ".webm"})
"""Extensions of audio that only FFmpeg decodes."""

_BLOCK_FRAMES: Final = 1 << 16
_RUN_UP: Final = 1 << 13
"""Frames decoded before a cut and thrown away: an MP3's first frames after a jump lack what earlier ones held."""

_FOREIGN_TOLERANCE_S: Final = 0.5
"""By how much a container's duration may exceed what its decoder gives: priming, padding, rounded clocks."""


class Reader(Protocol):
    """An open file: its `rate` in Hz, and how many `frames` its header promises, if it does."""

    rate: int
    frames: int | None

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        """Frames (n, channels) from `start` on, at most so many; once. Raises `AudioError` truncated."""
        ...


def open_reader(path: Path) -> Reader:
    """Open a file with the decoder for its extension; raises `AudioError` unreadable or unsupported_codec."""
    return _ForeignReader(path) if path.suffix.lower() in FOREIGN else _SoundfileReader(path)


class _Straight(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A file read from where it stands to its end.

    Of a file that says it can be sought in, soundfile seeks to where it stands after every reading, and after that the
    next frames of an MP3 come out wrong.
    """

    def seekable(self) -> bool:
        return False


class _SoundfileReader:
    def __init__(self, path: Path) -> None:
        try:
            # Bytes, because soundfile takes a text for UTF-8.
            self._sound = _Straight(os.fsencode(path))
        except soundfile.LibsndfileError as error:
            raise AudioError(Reason.UNREADABLE, f"no decoder takes it: {error.error_string}") from None
        self.rate: int = self._sound.samplerate
        self.frames: int | None = self._sound.frames

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        with self._sound:
            if start > _RUN_UP:
                self._sound.seek(min(start, self._sound.frames) - _RUN_UP)
            self._read(min(start, _RUN_UP))
            while len(block := self._read(min(_BLOCK_FRAMES, most))):
                most -= len(block)
                yield block

    def _read(self, frames: int) -> Block:
        try:
            block: Block = self._sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(Reason.TRUNCATED, f"decoding stopped: {error.error_string}") from None
        return block


class _ForeignReader:
    def __init__(self, path: Path) -> None:
        if find_spec("av") is None:
            raise AudioError(
                Reason.UNSUPPORTED_CODEC,
                f"{path.suffix} needs PyAV: pip install 'rolecall[av]', or convert it to WAV, FLAC, OGG or MP3",
            )
        import av

        self._error: type[Exception] = av.FFmpegError
        try:
            self._container = av.open(str(path))
        except self._error as error:
            raise AudioError(Reason.UNREADABLE, f"FFmpeg does not take it: {_plain(error)}") from None
        if not self._container.streams.audio:
            raise AudioError(Reason.UNSUPPORTED_CODEC, "holds no audio that FFmpeg decodes")
        self._stream = self._container.streams.audio[0]
        self._stream.codec_context.thread_count = 1
        self.rate: int = self._stream.rate
        self.frames: int | None = None

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        seen = 0
        with self._container:
            for block in self._decoded():
                wanted = block[max(0, start - seen) : start + most - seen]
                seen += len(block)
                if len(wanted):
                    yield wanted
                if seen >= start + most:
                    return
        promised_s = self._promised_s()
        if seen / self.rate < promised_s - _FOREIGN_TOLERANCE_S:
            raise AudioError(
                Reason.TRUNCATED, f"the header names {promised_s:.1f} s, {seen / self.rate:.1f} s were decoded"
            )

    def _decoded(self) -> Iterator[Block]:
        from av import AudioResampler

        planar = AudioResampler(format="fltp", rate=self.rate)
        try:
            for frame in self._container.decode(self._stream):
                for part in planar.resample(frame):
                    yield np.ascontiguousarray(part.to_ndarray().T, np.float32)
        except self._error as error:
            raise AudioError(Reason.TRUNCATED, f"decoding stopped: {_plain(error)}") from None

    def _promised_s(self) -> float:
        duration, unit = self._stream.duration, self._stream.time_base
        return float(duration * unit) if duration is not None and unit is not None else 0.0


def _plain(error: Exception) -> str:
    """What FFmpeg says, without the path that it adds."""
    return str(getattr(error, "strerror", None) or error)
