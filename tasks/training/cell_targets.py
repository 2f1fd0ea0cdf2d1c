"""What is wanted of every cell (beat by group of bands) of a batch: each role's share of the power that sounds there.

A sum that is made while training is a sum of voices whose powers are known, so its cells are labelled for nothing
(dense supervision).
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from tasks.features.cells import BEATS, MELS_PER_CELL

UNKNOWN: Final = -1.0
_SILENCE: Final = 1e-12


@dataclass
class CellPowers:
    """The power of every role in every cell of some sounds (rows, beats, bands, roles); for which it is known (rows,).

    What is unknown stays so whatever is added to it.
    """

    powers: Tensor
    known: Tensor

    def add(self, rows: Tensor, voices: "CellPowers") -> None:
        """Let one voice sound in each of some rows (voices,) too."""
        self.powers[rows] += voices.powers
        self.known[rows] &= voices.known

    def shares(self) -> Tensor:
        """Each role's share of every cell, adding up to one, or to nothing in silence; `UNKNOWN` in unknown rows."""
        shares = self.powers / self.powers.sum(dim=-1, keepdim=True).clamp(min=_SILENCE)
        return shares.masked_fill(~self.known[:, None, None, None], UNKNOWN)


def split_by_role(power: Tensor, shares: Tensor) -> CellPowers:
    """Mel powers (rows, frames, mels) parted among the roles by known shares (rows, beats, bands, roles)."""
    return CellPowers(cell_powers(power).unsqueeze(3) * shares.clamp(min=0), (shares >= 0).flatten(1).all(dim=1))


def cell_powers(power: Tensor) -> Tensor:
    """The power of every cell (rows, beats, bands) of mel powers (rows, frames, mels)."""
    size = (power.shape[1] // BEATS, MELS_PER_CELL)
    return avg_pool2d(power.unsqueeze(1), size, ceil_mode=True, divisor_override=1).squeeze(1)


def shares_of_single_roles(labels: Tensor, bands: int) -> Tensor:
    """Shares (rows, beats, bands, roles) that labels (rows, roles) tell by themselves: one certain role has all."""
    alone = ((labels > 0).sum(dim=1) == 1) & ((labels == 0) | (labels == 1)).all(dim=1)
    rows = torch.where(alone[:, None], labels, UNKNOWN)
    return rows[:, None, None, :].expand(-1, BEATS, bands, -1)


def in_order(shares: Tensor, times: Tensor) -> Tensor:
    """Shares (rows, beats, bands, roles) of sounds whose frames are heard in the order `times` (rows, frames)."""
    frames = times.shape[1] // BEATS
    beats = times[:, frames // 2 :: frames] // frames
    return shares[torch.arange(len(shares))[:, None], beats]
