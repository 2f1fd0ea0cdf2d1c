"""Differences between stored features and features rendered again, row by row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RowDifference:
    """A row that differs: its largest difference in natural log units and in steps of float16."""

    mix_id: str
    shard: str
    largest: float
    steps: float
    labels_differ: bool = False

    @property
    def is_rounding(self) -> bool:
        """Whether other hardware may be the reason: one step at most."""
        return self.steps <= 1.0 and not self.labels_differ


def differences(
    shard: str,
    mix_ids: Sequence[str],
    stored: tuple[NDArray[np.float32], NDArray[np.float16]],
    rendered: tuple[NDArray[np.int8], NDArray[np.float16]],
) -> list[RowDifference]:
    """The rows whose labels (n, roles) or log-mels (n, frames, mels) are not equal bit for bit."""
    found = []
    for place, mix_id in enumerate(mix_ids):
        was, now = stored[1][place], rendered[1][place]
        labels_differ = bool((stored[0][place] != rendered[0][place]).any())
        if not labels_differ and was.tobytes() == now.tobytes():
            continue
        apart = np.abs(was.astype(np.float32) - now.astype(np.float32))
        step = np.spacing(np.maximum(np.abs(was), np.abs(now))).astype(np.float32)
        apart = np.where(np.isfinite(apart), apart, np.inf)
        steps = np.where(np.isfinite(step), apart / step, np.inf)
        found.append(RowDifference(mix_id, shard, float(apart.max()), float(steps.max()), labels_differ))
    return found
