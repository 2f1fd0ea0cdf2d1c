"""The log-mel transform, and segments on a time axis that does not depend on tempo."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT
from tasks.features.mel_config import Matrix, MelConfig
from tasks.features.mel_filters import filter_bands, hann

_FLOOR: Final = 1e-6
_FRAMES_AT_ONCE: Final = 128
"""Frames transformed together: as many as stay in the cache of one core between the steps."""


def mel_power(samples: Matrix, config: MelConfig) -> Matrix:
    """Mel power spectrogram (frames, mels) of mono samples (n,); frame i is centred on sample i * hop_length.

    Equal to `librosa.feature.melspectrogram(power=2, center=True, pad_mode="constant")` transposed, to within
    rounding; written out here because librosa's own code compiles for seconds in every fresh process.
    """
    return mel_powers_of_blocks([samples], len(samples), [config])[0]


def mel_powers_of_blocks(blocks: Iterable[Matrix], expected_samples: int, configs: Sequence[MelConfig]) -> list[Matrix]:
    """The mel powers, one for each of `configs`, of a sound that is read once, in blocks of any length.

    Only the results are ever held whole. Memory is set aside for `expected_samples`; it may be wrong.
    """
    growing = [_GrowingPower(expected_samples, config) for config in configs]
    for block in blocks:
        for power in growing:
            power.add(block)
    return [power.ended() for power in growing]


class _GrowingPower:
    """Mel power that grows as blocks of samples are added."""

    def __init__(self, expected_samples: int, config: MelConfig) -> None:
        self._config, self._filled = config, 0
        self._power = np.empty((expected_samples // config.hop_length + 2, config.mels), np.float32)
        self._margin = self._rest = np.zeros(config.n_fft // 2, np.float32)

    def add(self, block: Matrix) -> None:
        """Add the next samples (n,)."""
        config = self._config
        signal = np.concatenate([self._rest, block])
        count = max(0, (len(signal) - config.n_fft) // config.hop_length + 1)
        end = self._filled + count
        if end > len(self._power):
            more = np.empty((len(self._power) // 2 + count, config.mels), np.float32)
            self._power = np.concatenate([self._power[: self._filled], more])
        _transform(np.ascontiguousarray(signal, np.float32), self._power[self._filled : end], config)
        self._rest, self._filled = signal[count * config.hop_length :], end

    def ended(self) -> Matrix:
        """The whole (frames, mels), after the last block."""
        self.add(self._margin)
        return self._power[: self._filled]


def _transform(signal: Matrix, power: Matrix, config: MelConfig) -> None:
    """Fill `power` (frames, mels) from the frames of a signal; frame i begins at sample i * hop_length."""
    if not len(power):
        return
    # NumPy's sliding windows take as long as the window function: this is called for every block of a file.
    strides = (config.hop_length * signal.itemsize, signal.itemsize)
    frames: Matrix = np.ndarray((len(power), config.n_fft), np.float32, signal, 0, strides)
    window = hann(config.n_fft)
    for start in range(0, len(power), _FRAMES_AT_ONCE):
        part = power[start : start + _FRAMES_AT_ONCE]
        spectrum = scipy.fft.rfft(frames[start : start + len(part)] * window, axis=1).view(np.float32)
        np.square(spectrum, out=spectrum)
        squares = spectrum[:, ::2] + spectrum[:, 1::2]
        for band in filter_bands(config):
            np.matmul(squares[:, band.bins], band.weights, out=part[:, band.mels])


def normalise_level(power: Matrix) -> Matrix:
    """Scale a file's mel power (frames, mels) so that its loudest quarter of frames has a mean total power of one.

    Labels must not depend on how loud a file was mastered; relative levels inside it are kept.
    """
    return power / reference_level(power)


def reference_level(power: Matrix) -> np.float32:
    """The mean total power of the loudest quarter of the frames of mel power (frames, mels)."""
    totals = power.sum(axis=1)
    loudest = np.partition(totals, -max(1, len(totals) // 4))[-max(1, len(totals) // 4) :]
    return np.float32(max(float(loudest.mean()), 1e-20))


def cut_segments(power: Matrix, starts_s: NDArray[np.float64], bars_s: float, config: MelConfig) -> Matrix:
    """Cut mel power (frames, mels) into segments (len(starts_s), frames_per_segment, mels) of four bars each.

    A segment begins at `starts_s` seconds and lasts four times `bars_s`. Each new frame is the exact mean power
    over its share of the bar, so tempo drops out and loops of any tempo line up. What lies outside is silence.
    """
    segments = np.empty((len(starts_s), config.frames_per_segment, config.mels), np.float32)
    for place, start_s in enumerate(starts_s):
        segments[place] = _cut_segment(power, float(start_s), bars_s, config)
    return segments


def _cut_segment(power: Matrix, start_s: float, bars_s: float, config: MelConfig) -> Matrix:
    frames = config.frames_per_segment
    edges_s = start_s + np.arange(frames + 1) * (BARS_PER_SEGMENT * bars_s / frames)
    frames_per_step = BARS_PER_SEGMENT * bars_s * config.frame_rate / frames
    return _sums_of_few(power, _positions(edges_s, len(power), config)) / np.float32(frames_per_step)


def cut_along_bars(power: Matrix, lines_s: NDArray[np.float64], config: MelConfig) -> Matrix:
    """The same along bar lines (segments, 5) in seconds that need not be evenly spaced."""
    frames = config.frames_per_segment
    segments = np.empty((len(lines_s), frames, config.mels), np.float32)
    places = np.arange(frames + 1) * (BARS_PER_SEGMENT / frames)
    for segment, lines in zip(segments, lines_s, strict=True):
        edges_s = np.interp(places, np.arange(BARS_PER_SEGMENT + 1), lines)
        frames_per_step = (np.diff(edges_s) * config.frame_rate).astype(np.float32)
        segment[:] = _sums_of_few(power, _positions(edges_s, len(power), config)) / frames_per_step[:, None]
    return segments


def _positions(edges_s: NDArray[np.floating[Any]], frames: int, config: MelConfig) -> NDArray[np.float64]:
    """Times as places between frames; frame i stands for the hop around its centre: its left edge is i - 1/2."""
    return np.clip(edges_s * config.frame_rate + 0.5, 0.0, frames)


def _sums_of_few(values: Matrix, edges: NDArray[np.float64]) -> Matrix:
    """What `sums_between` gives, in single precision: quick where few frames lie between two edges."""
    whole = np.minimum(edges.astype(np.int64), len(values) - 1)
    share = edges - whole
    first, further = whole[:-1], np.diff(whole)
    sums = values[first] * np.where(further == 0, np.diff(share), 1 - share[:-1]).astype(np.float32)[:, None]
    for step in range(1, int(further.max()) + 1):
        counts = np.where(further == step, share[1:], further > step).astype(np.float32)
        sums += values[np.minimum(first + step, len(values) - 1)] * counts[:, None]
    return np.asarray(sums, np.float32)


def sums_between(values: NDArray[np.floating[Any]], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of `values` (frames, columns) between neighbouring `edges`, 0..frames: (len(edges) - 1, columns).

    Edges lie between frames: frame i reaches from i to i + 1, and counts by its share.
    """
    whole = np.minimum(edges.astype(np.int64), len(values) - 1)
    sums = np.add.reduceat(values[: whole[-1] + 1], whole, axis=0, dtype=np.float64)[:-1]
    sums[whole[1:] == whole[:-1]] = 0.0  # of nothing, reduceat gives the row it stands before
    return np.asarray(sums + np.diff(values[whole] * (edges - whole)[:, None], axis=0))


def log_compress(power: Matrix) -> Matrix:
    """Natural logarithm of normalised power, with a floor 60 dB under the reference: about -13.8 to 1."""
    return compress_in_place(power.copy())


def compress_in_place(power: Matrix) -> Matrix:
    """`log_compress` that writes over what it is given, for what is large."""
    np.maximum(power, np.float32(0), out=power)
    power += np.float32(_FLOOR)
    return np.log(power, out=power)
