"""Decoding: any supported file to mono float32 at the model's rate, or a typed error with a reason code."""

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from storage.vocabulary import Reason
from tasks.audio.downmix import Downmix
from tasks.audio.errors import AudioError as AudioError
from tasks.audio.readers import open_reader

Samples = NDArray[np.float32]

EXTENSIONS: Final = frozenset(
    {
        *(".wav", ".wave", ".bwf", ".rf64", ".bw64", ".w64", ".aif", ".aiff", ".aifc", ".caf", ".au"),
        *(".flac", ".ogg", ".oga", ".opus", ".mp3", ".mp2"),
    }
)
"""Extensions that the core decodes."""

SHORTEST_S: Final = 0.25
LONGEST_S: Final = 12 * 3600.0
SILENCE_PEAK: Final = 1e-4
"""Peak below which a file counts as silent: -80 dBFS."""

_QUALITY: Final = "HQ"


@dataclass(frozen=True)
class Audio:
    """Decoded audio: mono `samples` (n,) at `sample_rate` Hz, the duration of the file in seconds, and its digest."""

    samples: Samples
    sample_rate: int
    duration_s: float
    digest: str


class Sound:
    """A file decoded once as mono float32 at `sample_rate`, block by block: an hour is never in memory whole.

    `duration_s` and `digest` are those of what has been read so far. The digest is the SHA-256 of the samples in 16
    bits: the same sound in two lossless formats has the same. Opening raises `AudioError` vanished, permission, empty,
    unreadable, unsupported_codec or too_long.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        """Open the file; nothing is decoded yet."""
        check_file(path)
        self.path, self.sample_rate = path, sample_rate
        self._reader = open_reader(path)
        self._frames_read, self._hash = 0, hashlib.sha256()
        self._peak, self._swing = 0.0, 0.0
        seconds = (self._reader.frames or 0) / self._reader.rate
        if seconds > LONGEST_S:
            raise AudioError(Reason.TOO_LONG, f"{seconds / 3600:.1f} h long; at most {LONGEST_S / 3600:.0f} h")
        self.expected_samples = round(seconds * sample_rate)

    @property
    def duration_s(self) -> float:
        """Seconds read so far."""
        return self._frames_read / self._reader.rate

    @property
    def digest(self) -> str:
        """SHA-256 of the samples given so far."""
        return self._hash.hexdigest()

    def blocks(self) -> Iterator[Samples]:
        """Decode it all, checking on the way that it is what its header says.

        Raises `AudioError`: nonfinite, truncated, too_short, too_long or silent; some of them only at the end.
        """
        for block in self._resampled():
            self._examine(block)
            yield block
        if self.duration_s < SHORTEST_S:
            raise AudioError(Reason.TOO_SHORT, f"{self.duration_s:.3f} s long; at least {SHORTEST_S} s")
        if min(self._peak, self._swing) < SILENCE_PEAK:
            raise AudioError(Reason.SILENT, "peak below -80 dBFS")

    def _resampled(self) -> Iterator[Samples]:
        resampler = soxr.ResampleStream(self._reader.rate, self.sample_rate, 1, dtype="float32", quality=_QUALITY)
        downmix = Downmix()
        for block in self._reader.blocks():
            self._frames_read += len(block)
            if self.duration_s > LONGEST_S:
                raise AudioError(Reason.TOO_LONG, f"more than {LONGEST_S / 3600:.0f} h long")
            mono = downmix.mix(block)
            # Half of the way from the lowest sample to the highest is the peak around whatever offset there is. It is
            # taken before resampling, which makes a step of the offset at either end of the file.
            self._swing = max(self._swing, (float(mono.max()) - float(mono.min())) / 2)
            yield resampler.resample_chunk(mono)
        yield resampler.resample_chunk(np.empty(0, np.float32), last=True)

    def _examine(self, block: Samples) -> None:
        if not len(block):
            return
        peak = max(float(block.max()), -float(block.min()))
        if not math.isfinite(peak):
            raise AudioError(Reason.NONFINITE, "holds samples that are NaN or infinite")
        self._peak = max(self._peak, peak)
        steps = block * np.float32(32767.0)
        np.rint(steps, out=steps)
        if peak > 1.0:
            np.clip(steps, -32768.0, 32767.0, out=steps)
        self._hash.update(steps.astype("<i2").data)


def decode(path: Path, sample_rate: int) -> Audio:
    """Read a whole file as mono float32 at `sample_rate`; raises `AudioError` with any of the codes of `Sound`."""
    sound = Sound(path, sample_rate)
    samples = np.concatenate(list(sound.blocks()))
    return Audio(samples, sample_rate, sound.duration_s, sound.digest)


def stated_duration_s(path: Path) -> float | None:
    """Seconds of a file as far as they are known without decoding it, else None; raises `AudioError`."""
    check_file(path)
    with closing(open_reader(path)) as reader:
        return None if reader.frames is None else reader.frames / reader.rate


def decode_cut(path: Path, sample_rate: int, start_s: float, duration_s: float) -> Samples:
    """Read a stretch of a file that was checked before as mono float32 (n,) at `sample_rate`; raises `AudioError`."""
    check_file(path)
    reader = open_reader(path)
    blocks = list(reader.blocks(round(start_s * reader.rate), round(duration_s * reader.rate)))
    samples = Downmix().mix(np.concatenate(blocks)) if blocks else np.empty(0, np.float32)
    return np.asarray(soxr.resample(samples, reader.rate, sample_rate, quality=_QUALITY), np.float32)


def check_file(path: Path) -> None:
    """Refuse what needs no decoder to refuse; raises `AudioError` vanished, permission, unreadable or empty."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    if not path.is_file():
        raise AudioError(Reason.UNREADABLE, "is not a regular file")
    if not os.access(path, os.R_OK):
        raise AudioError(Reason.PERMISSION, "may not be read by this user")
    if size == 0:
        raise AudioError(Reason.EMPTY, "0 bytes")
