"""The rows of one split of a data set, in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Examples:
    """One split in memory: log-mel (n, frames, mels) as float16, labels (n, roles) as float32, mix ids (n,).

    A label is 1 where the role sounds, 0 where it does not, and -1 where nobody knows. `soft_labels` (n, roles) are a
    teacher's probabilities, where the data set has them. `shares` (n, beats, bands, roles) say which part of the
    power in every beat and group of bands each role has, -1 where nobody knows; None without them. `units` (n,) name
    the author, pack or composition that a loop or cut is of, where that was looked up.
    """

    mels: NDArray[np.float16]
    labels: NDArray[np.float32]
    mix_ids: list[str]
    soft_labels: NDArray[np.float32] | None = None
    shares: NDArray[np.float16] | None = None
    units: list[str] | None = None

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Some rows, by their places (k,)."""
        return Examples(
            self.mels[rows],
            self.labels[rows],
            [self.mix_ids[row] for row in rows.tolist()],
            None if self.soft_labels is None else self.soft_labels[rows],
            None if self.shares is None else self.shares[rows],
            None if self.units is None else [self.units[row] for row in rows.tolist()],
        )
