"""Loudness of mono signals, after ITU-R BS.1770-4: K-weighted, gated, in LUFS."""

from functools import lru_cache
from typing import Final

import numpy as np
import scipy.signal
from numpy.typing import NDArray

SILENCE_LUFS: Final = -70.0
"""The standard's absolute gate: what is softer counts as silence."""

_OFFSET: Final = -0.691
_BLOCK_S: Final = 0.4
_STEPS_PER_BLOCK: Final = 4
_RELATIVE_GATE: Final = -10.0


def loudness(samples: NDArray[np.float32], sample_rate: int) -> float:
    """Integrated loudness of mono samples (n,) in LUFS, -70 for silence; what is under 0.4 s long is one block."""
    weighted = scipy.signal.sosfilt(_k_weighting(sample_rate), samples).astype(np.float64)
    step = round(_BLOCK_S * sample_rate) // _STEPS_PER_BLOCK
    block = step * _STEPS_PER_BLOCK
    energy = np.concatenate([[0.0], np.cumsum(weighted**2)])
    if len(samples) < block:
        powers = energy[-1:] / max(1, len(samples))
    else:
        starts = np.arange(0, len(samples) - block + 1, step)
        powers = (energy[starts + block] - energy[starts]) / block
    audible = powers[_lufs(powers) > SILENCE_LUFS]
    if not len(audible):
        return SILENCE_LUFS
    loud = audible[_lufs(audible) > _lufs(audible.mean()) + _RELATIVE_GATE]
    return float(_lufs(loud.mean()))


def _lufs(powers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(_OFFSET + 10 * np.log10(np.maximum(powers, 1e-12)))


@lru_cache(maxsize=4)
def _k_weighting(sample_rate: int) -> NDArray[np.float64]:
    """The shelf and the high-pass of BS.1770 at any rate, from their analogue prototypes: second-order sections."""
    return np.vstack([_shelf(1681.974, 0.7071752, 3.99984, sample_rate), _high_pass(38.13547, 0.5003270, sample_rate)])


def _shelf(hertz: float, quality: float, gain_db: float, sample_rate: int) -> NDArray[np.float64]:
    k, high = np.tan(np.pi * hertz / sample_rate), 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    numerator = [high + band * k / quality + k * k, 2 * (k * k - high), high - band * k / quality + k * k]
    denominator = [1 + k / quality + k * k, 2 * (k * k - 1), 1 - k / quality + k * k]
    sections: NDArray[np.float64] = np.array(numerator + denominator) / denominator[0]
    return sections


def _high_pass(hertz: float, quality: float, sample_rate: int) -> NDArray[np.float64]:
    k = np.tan(np.pi * hertz / sample_rate)
    denominator = 1 + k / quality + k * k
    return np.array([1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / denominator, (1 - k / quality + k * k) / denominator])
