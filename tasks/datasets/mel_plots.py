"""Plots of log-mels: a few mixes, one above the other."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from storage.files import atomic_path
from storage.vocabulary import BARS_PER_SEGMENT


def draw_mels(mels: NDArray[np.float16], titles: Sequence[str], target: Path) -> None:
    """Draw log-mels (n, frames, mels) one above the other, bars on the x axis, to `target` as PNG."""
    figure = Figure(figsize=(11, 1.7 * len(mels)), layout="constrained")
    for axes, mel, title in zip(figure.subplots(len(mels), 1, squeeze=False)[:, 0], mels, titles, strict=True):
        axes.imshow(
            mel.astype(np.float32).T,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(1, 1 + BARS_PER_SEGMENT, 0, mel.shape[1]),
        )
        axes.set_title(title, fontsize=8, loc="left")
        axes.set_xticks(range(1, 1 + BARS_PER_SEGMENT))
        axes.set_ylabel("mel")
    axes.set_xlabel("bar")
    with atomic_path(target) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
