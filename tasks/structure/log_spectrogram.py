"""The log-frequency spectrogram that stands above a map, from audio of any length, block by block."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.audio.decoding import Samples

RATE: Final = 16_000
RANGE_DB: Final = 80.0
"""What lies further under the maximum is as good as silent."""

_N_FFT: Final = 4096
_COLUMNS: Final = 1200
_ROWS: Final = 240
_LOWEST_HZ: Final = 30.0


def log_spectrogram(blocks: Iterable[Samples], length: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Power in dB under its maximum (rows, columns) on a logarithmic frequency axis, and the rows' edges in Hz.

    `blocks` are mono samples at `RATE`, about `length` of them in all: the hop is chosen so that any length gives about
    the same number of columns.
    """
    edges_hz = np.geomspace(_LOWEST_HZ, RATE / 2, _ROWS + 1)
    bins = np.sqrt(edges_hz[:-1] * edges_hz[1:]) * _N_FFT / RATE
    window = np.hanning(_N_FFT).astype(np.float32)
    columns = [
        np.interp(bins, np.arange(_N_FFT // 2 + 1), np.abs(np.fft.rfft(frame * window)))
        for frame in _frames(blocks, max(256, length // _COLUMNS))
    ]
    power = np.array(columns, np.float32).T ** 2
    return 10 * np.log10(np.maximum(power / max(float(power.max()), 1e-20), 1e-12)), edges_hz


def _frames(blocks: Iterable[Samples], hop: int) -> Iterator[Samples]:
    """Frames of `_N_FFT` samples, `hop` apart, the first and the last around the ends of the signal."""
    margin = np.zeros(_N_FFT // 2, np.float32)
    held, skip = margin, 0
    for block in chain(blocks, [margin]):
        held = np.concatenate([held, block])
        while len(held) >= skip + _N_FFT:
            yield held[skip : skip + _N_FFT]
            skip += hop
        dropped = min(skip, len(held))
        held, skip = held[dropped:], skip - dropped
