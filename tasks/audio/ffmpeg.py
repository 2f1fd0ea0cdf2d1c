"""The decoder for what libsndfile does not take: FFmpeg, through PyAV where it is installed."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError

_FORMATS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,dsf,dts,eac3,flac,loas,matroska,mov,mp3,mpc,mpc8,ogg,rm,tak,tta,w64,wav,wv,xwma"
)
"""The containers that FFmpeg may take a file for: those of audio. Others open further files, or ask the network."""

_PROMISING: Final = ("ape", "asf", "caf", "flac", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "tak", "tta", "wav", "wv")
"""Containers that state their length; of the others FFmpeg guesses it from the bit rate."""

_TOLERANCE_S: Final = 0.1
"""By how much a stated length may exceed what is decoded: what an encoder puts before the sound and behind it."""


_BLOCK_FRAMES: Final = 1 << 16


def is_installed() -> bool:
    """Whether PyAV can be imported."""
    return find_spec("av") is not None


class FFmpegReader:
    """A file as FFmpeg decodes it; raises `AudioError` unreadable, unsupported_codec or truncated."""

    frames: int | None = None

    def __init__(self, file: BinaryIO) -> None:
        """Open an unbuffered file."""
        import av

        self._errors = (av.FFmpegError, ValueError)
        self._file = file
        file.seek(0)
        # FFmpeg gets a file without a name, so that only its bytes say what it is.
        options = {"fd": str(file.fileno()), "protocol_whitelist": "fd", "format_whitelist": _FORMATS}
        try:
            self._container = av.open("fd:", mode="r", options=options, metadata_errors="replace")
        except self._errors as error:
            raise AudioError(Reason.UNREADABLE, f"FFmpeg does not take it: {_plain(error)}") from None
        decodable = [stream for stream in self._container.streams.audio if stream.codec_context is not None]
        if not decodable:
            raise AudioError(Reason.UNSUPPORTED_CODEC, "holds no audio that FFmpeg decodes")
        self._stream = decodable[0]
        self._stream.codec_context.thread_count = 1
        self.rate: int = self._stream.rate or 0

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[NDArray[np.float32]]:
        """Frames (n, channels) from `start` on, at most so many; once."""
        seen = 0
        with self._file, self._container:
            for block in _joined(self._decoded()):
                wanted = block[max(0, start - seen) : max(0, start + most - seen)]
                seen += len(block)
                if len(wanted):
                    yield wanted
                if seen >= start + most:
                    return
            promised_s = self._promised_s()
        if seen / self.rate < promised_s - _TOLERANCE_S:
            raise AudioError(
                Reason.TRUNCATED, f"the header names {promised_s:.1f} s, {seen / self.rate:.1f} s were decoded"
            )

    def close(self) -> None:
        """Close the file."""
        self._container.close()
        self._file.close()

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        from av import AudioResampler

        planar, shape = AudioResampler(format="fltp", rate=self.rate), None
        try:
            for frame in self._container.decode(self._stream):
                # A stream may change its rate or its channels on the way.
                if shape not in (None, _shape(frame)):
                    yield from map(_samples, planar.resample(None))
                    planar = AudioResampler(format="fltp", rate=self.rate)
                shape = _shape(frame)
                yield from map(_samples, planar.resample(frame))
            if shape is not None:
                yield from map(_samples, planar.resample(None))
        except self._errors as error:
            raise AudioError(Reason.TRUNCATED, f"decoding stopped: {_plain(error)}") from None

    def _promised_s(self) -> float:
        if self._container.format.name not in _PROMISING:
            return 0.0
        duration, unit = self._stream.duration, self._stream.time_base
        if duration is not None and unit is not None:
            return float(duration * unit)
        return (self._container.duration or 0) / 1e6


def _joined(blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Larger blocks of the small ones that FFmpeg gives, each of one number of channels."""
    waiting: list[NDArray[np.float32]] = []
    for block in blocks:
        if waiting and (sum(map(len, waiting)) >= _BLOCK_FRAMES or block.shape[1] != waiting[0].shape[1]):
            yield np.concatenate(waiting)
            waiting = []
        waiting.append(block)
    if waiting:
        yield np.concatenate(waiting)


def _shape(frame: Any) -> tuple[int, str, str]:
    return frame.sample_rate, frame.format.name, frame.layout.name


def _samples(frame: Any) -> NDArray[np.float32]:
    return np.ascontiguousarray(frame.to_ndarray().T, np.float32)


def _plain(error: Exception) -> str:
    """What FFmpeg says, without the path that it adds."""
    return str(getattr(error, "strerror", None) or error)
