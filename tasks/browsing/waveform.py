"""The outline of a short stretch of a file, to see where its first bar line lies."""

from pathlib import Path
from typing import Final

import numpy as np

from tasks.audio.decoding import decode_cut

_RATE: Final = 8_000
LONGEST_S: Final = 60.0


def peaks(path: Path, start_s: float, seconds: float, columns: int) -> list[float]:
    """The highest level (0 to 1) in each of `columns` equal steps from `start_s` on; raises `AudioError`."""
    samples = np.abs(decode_cut(path, _RATE, start_s, min(seconds, LONGEST_S)))
    edges = np.linspace(0, round(min(seconds, LONGEST_S) * _RATE), columns + 1).astype(int)
    padded = np.pad(samples, (0, max(0, int(edges[-1]) + 1 - len(samples))))
    return [round(float(level), 4) for level in np.maximum.reduceat(padded, edges)[:-1]]
