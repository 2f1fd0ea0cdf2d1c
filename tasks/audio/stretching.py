"""Time-stretching and transposing loops at one loudness, with a cache of the results."""

from collections import OrderedDict
from typing import Final

import numpy as np
from python_stretch.Signalsmith import Stretch

from storage.loops.table import Loop
from storage.paths import path_of
from tasks.audio.decoding import AudioError, Samples, decode_cut
from tasks.audio.loudness import loudness

STRETCHED_LUFS: Final = -20.0
"""Loudness of every stretched loop."""

_CONTEXT_S: Final = 0.25
_FADE_S: Final = 0.01
_MOST_BYTES: Final = 384 << 20

StretchKey = tuple[str, float, float, int, float, int]


class StretchedLoops:
    """Stretches loops, and caches the ones used last up to so many bytes."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        """Start empty."""
        self._kept: OrderedDict[StretchKey, Samples] = OrderedDict()
        self._most_bytes = most_bytes
        self._bytes = 0

    def get(self, loop: Loop, speed: float, semitones: int, sample_rate: int) -> Samples:
        """Mono samples (n,) of a loop at one speed and transposition, at `STRETCHED_LUFS`.

        Raises `AudioError` naming the file if it cannot be decoded.
        """
        key = (loop.sha256, loop.start_s, loop.duration_s, sample_rate, speed, semitones)
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            return kept
        if speed == 1.0 and semitones == 0:
            made = _decoded(loop, sample_rate)
        else:
            made = stretch_loop(self.get(loop, 1.0, 0, sample_rate), speed, semitones, sample_rate)
        return self._keep(key, levelled(made, sample_rate))

    def _keep(self, key: StretchKey, samples: Samples) -> Samples:
        self._kept[key] = samples
        self._bytes += samples.nbytes
        while self._bytes > self._most_bytes and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return samples


def _decoded(loop: Loop, sample_rate: int) -> Samples:
    try:
        return decode_cut(path_of(loop.path), sample_rate, loop.start_s, loop.duration_s)
    except AudioError as error:
        raise AudioError(error.reason, f"{loop.path}: {error}") from None


def stretch_loop(samples: Samples, speed: float, semitones: int, sample_rate: int) -> Samples:
    """A loop (n,) `speed` times as fast and transposed: round(n / speed) samples that are still periodic.

    The loop is extended by its end in front and by its head behind, and the join is faded over 10 ms, so that neither
    the first attack nor the join suffers from the edge of the signal. The stretcher is Signalsmith's, at a
    fixed seed.
    """
    context = min(len(samples), round(_CONTEXT_S * sample_rate))
    around = np.concatenate([samples[-context:], samples, samples[:context]])
    stretch = Stretch(0)
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(speed)
    stretch.setTransposeSemitones(semitones)
    stretched = np.asarray(stretch.process(around[None, :]), np.float32).ravel()
    start, length, fade = round(context / speed), round(len(samples) / speed), round(_FADE_S * sample_rate)
    once, after = stretched[start : start + length], stretched[start + length : start + length + fade]
    # Two renderings of the loop's head: phases drift apart over its length, so the join goes from one to the other.
    rising = np.linspace(0, 1, len(after), dtype=np.float32)
    return np.concatenate([after * (1 - rising) + once[: len(after)] * rising, once[len(after) :]])


def levelled(samples: Samples, sample_rate: int) -> Samples:
    """The same sound at `STRETCHED_LUFS`."""
    gain = 10 ** ((STRETCHED_LUFS - loudness(samples, sample_rate)) / 20)
    return np.asarray(samples * np.float32(gain), np.float32)
