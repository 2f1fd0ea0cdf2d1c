"""The log-mel transform, its frozen configuration, and segments on an axis that does not depend on tempo."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT

Matrix = NDArray[np.float32]

_FLOOR: Final = 1e-6
_FRAMES_AT_ONCE: Final = 128
"""Frames transformed together: as many as stay in the cache of one core between the steps."""

_FILTER_BANDS: Final = 4


@dataclass(frozen=True)
class MelConfig:
    """Everything that decides the bytes of a feature; hashable, and stored with each data set and model.

    Rates in Hz, lengths in samples; `frames_per_bar` is the resolution after segments were brought onto
    a musical time axis.
    """

    sample_rate: int = 16_000
    n_fft: int = 2048
    hop_length: int = 512
    mels: int = 128
    fmin: float = 30.0
    fmax: float = 8_000.0
    frames_per_bar: int = 64

    @property
    def frames_per_segment(self) -> int:
        """Frames of a segment of four bars."""
        return self.frames_per_bar * BARS_PER_SEGMENT

    @property
    def frame_rate(self) -> float:
        """Frames per second before a segment is cut."""
        return self.sample_rate / self.hop_length

    def to_json(self) -> str:
        """The configuration as stable JSON: the form in which storage sees it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "MelConfig":
        """Read back what `to_json` wrote; raises TypeError on unknown keys."""
        return cls(**json.loads(text))

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON form."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def mel_power(samples: Matrix, config: MelConfig) -> Matrix:
    """Mel power spectrogram (frames, mels) of mono samples (n,); frame i is centred on sample i * hop_length.

    Equal to `librosa.feature.melspectrogram(power=2, center=True, pad_mode="constant")` transposed, to within
    rounding; written out here because librosa's own road compiles for seconds in every fresh process.
    """
    return mel_powers_of_blocks([samples], len(samples), [config])[0]


def mel_powers_of_blocks(blocks: Iterable[Matrix], expected_samples: int, configs: Sequence[MelConfig]) -> list[Matrix]:
    """The mel powers, one for each of `configs`, of a sound that comes once, in blocks of any length.

    Only the results are ever held whole. Memory is set aside for `expected_samples`; it may be wrong.
    """
    growing = [_GrowingPower(expected_samples, config) for config in configs]
    for block in blocks:
        for power in growing:
            power.hear(block)
    return [power.ended() for power in growing]


class _GrowingPower:
    """Mel power that grows with the blocks that it hears."""

    def __init__(self, expected_samples: int, config: MelConfig) -> None:
        self._config, self._filled = config, 0
        self._power = np.empty((expected_samples // config.hop_length + 2, config.mels), np.float32)
        self._margin = self._rest = np.zeros(config.n_fft // 2, np.float32)

    def hear(self, block: Matrix) -> None:
        """Take in the next samples (n,)."""
        config = self._config
        signal = np.concatenate([self._rest, block])
        count = max(0, (len(signal) - config.n_fft) // config.hop_length + 1)
        end = self._filled + count
        if end > len(self._power):
            more = np.empty((len(self._power) // 2 + count, config.mels), np.float32)
            self._power = np.concatenate([self._power[: self._filled], more])
        _transform(signal, self._power[self._filled : end], config)
        self._rest, self._filled = signal[count * config.hop_length :], end

    def ended(self) -> Matrix:
        """The whole (frames, mels), after the last block."""
        self.hear(self._margin)
        return self._power[: self._filled]


def _transform(signal: Matrix, power: Matrix, config: MelConfig) -> None:
    """Fill `power` (frames, mels) from the frames of a signal; frame i begins at sample i * hop_length."""
    if not len(power):
        return
    frames = np.lib.stride_tricks.sliding_window_view(signal, config.n_fft)[:: config.hop_length]
    window = _hann(config.n_fft)
    for start in range(0, len(power), _FRAMES_AT_ONCE):
        part = power[start : start + _FRAMES_AT_ONCE]
        spectrum = scipy.fft.rfft(frames[start : start + len(part)] * window, axis=1).view(np.float32)
        np.square(spectrum, out=spectrum)
        for band in _filter_bands(config):
            part[:, band.mels] = spectrum[:, band.values] @ band.weights


@dataclass(frozen=True)
class _FilterBand:
    """Some neighbouring filters, over just the bins that they reach.

    `values` are columns of a spectrum seen as floats, two for each complex bin; `weights` is (values, mels): each
    bin's weight twice, so that the product adds the squares of the real and the imaginary part.
    """

    mels: slice
    values: slice
    weights: Matrix


@lru_cache(maxsize=8)
def _filter_bands(config: MelConfig) -> list[_FilterBand]:
    """The filter bank in bands: most of its weights are zero, and a product over all bins would mostly add those."""
    filters = mel_filters(config)
    bands = []
    for rows in np.array_split(np.arange(config.mels), min(_FILTER_BANDS, config.mels)):
        reached = np.flatnonzero(filters[rows].any(axis=0))
        bins = slice(int(reached[0]), int(reached[-1]) + 1) if len(reached) else slice(0, 0)
        weights = np.repeat(filters[rows, bins].T, 2, axis=0)
        bands.append(_FilterBand(slice(rows[0], rows[-1] + 1), slice(2 * bins.start, 2 * bins.stop), weights))
    return bands


@lru_cache(maxsize=8)
def mel_filters(config: MelConfig) -> Matrix:
    """Triangular filters (mels, n_fft // 2 + 1), Slaney's scale and area normalisation, as in librosa."""
    bins_hz = np.linspace(0.0, config.sample_rate / 2, config.n_fft // 2 + 1)
    edges_hz = _mel_to_hz(np.linspace(_hz_to_mel(config.fmin), _hz_to_mel(config.fmax), config.mels + 2))
    widths = np.diff(edges_hz)
    ramps = edges_hz[:, None] - bins_hz[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges_hz[2:] - edges_hz[:-2]))[:, None]).astype(np.float32)


_BREAK_HZ: Final = 1000.0
_HZ_PER_MEL: Final = 200.0 / 3
_LOG_STEP: Final = np.log(6.4) / 27.0


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return float(_BREAK_HZ / _HZ_PER_MEL + np.log(hz / _BREAK_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    break_mel = _BREAK_HZ / _HZ_PER_MEL
    return np.where(mel < break_mel, mel * _HZ_PER_MEL, _BREAK_HZ * np.exp(_LOG_STEP * (mel - break_mel)))


@lru_cache(maxsize=4)
def _hann(length: int) -> Matrix:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


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


def _cut_segment(power: Matrix, start_s: float, bars_s: float, config: MelConfig) -> NDArray[np.float64]:
    frames = config.frames_per_segment
    edges_s = start_s + np.arange(frames + 1) * (BARS_PER_SEGMENT * bars_s / frames)
    # Frame i stands for the hop around its centre: its left edge is i - 1/2.
    positions = np.clip(edges_s * config.frame_rate + 0.5, 0.0, len(power))
    first = min(int(positions[0]), len(power) - 1)
    heard = power[first : int(positions[-1]) + 1].astype(np.float64)
    frames_per_step = BARS_PER_SEGMENT * bars_s * config.frame_rate / frames
    return sums_between(heard, positions - first) / frames_per_step


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


def mel_centres(config: MelConfig) -> Matrix:
    """The centres of the mel bands (mels,) in Hz."""
    edges = np.linspace(_hz_to_mel(config.fmin), _hz_to_mel(config.fmax), config.mels + 2)
    return _mel_to_hz(edges)[1:-1].astype(np.float32)
