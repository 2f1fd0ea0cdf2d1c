"""Losses between probabilities and wanted roles, by name, unknown ones (-1) counting for nothing; and one for cells."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_EPSILON: Final = 1e-6
_LOUDNESS: Final = 0.3
"""A cell counts by its power to this exponent: about as loud as it sounds."""


class BinaryCrossEntropy(nn.Module):
    """Binary cross-entropy over the known cells; wanted values between 0 and 1 are allowed."""

    def forward(self, given: Tensor, wanted: Tensor) -> Tensor:
        """Probabilities (batch, roles) and wanted roles (batch, roles) to one number."""
        known = wanted >= 0
        chosen = given.float().clamp(_EPSILON, 1 - _EPSILON)
        return (self.cells(chosen, wanted.clamp(min=0)) * known).sum() / known.sum().clamp(min=1)

    def cells(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss of every cell (batch, roles)."""
        return -(wanted * torch.log(given) + (1 - wanted) * torch.log1p(-given))


class Focal(BinaryCrossEntropy):
    """Cells that are already right count less (Lin et al., ICCV 2017)."""

    def __init__(self, gamma: float = 2.0) -> None:
        """`gamma` zero is binary cross-entropy."""
        super().__init__()
        self.gamma = gamma

    def cells(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss of every cell (batch, roles)."""
        return torch.abs(wanted - given).clamp(min=_EPSILON) ** self.gamma * super().cells(given, wanted)


class Asymmetric(BinaryCrossEntropy):
    """Easy negatives count less than easy positives, the easiest for nothing (Ridnik et al., ICCV 2021)."""

    def __init__(self, gamma_on: float = 0.0, gamma_off: float = 2.0, margin: float = 0.05) -> None:
        """Exponents for cells that are on and off; probabilities of off cells are lowered by `margin`."""
        super().__init__()
        self.gamma_on, self.gamma_off, self.margin = gamma_on, gamma_off, margin

    def cells(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss of every cell (batch, roles)."""
        shifted = (given - self.margin).clamp(min=_EPSILON)
        on = (1 - given) ** self.gamma_on * torch.log(given)
        off = shifted**self.gamma_off * torch.log1p(-shifted)
        return -(wanted * on + (1 - wanted) * off)


class ClassBalanced(BinaryCrossEntropy):
    """Roles weigh by the inverse of their effective number of examples (Cui et al., CVPR 2019, equation 4)."""

    weights: Tensor

    def __init__(self, labels: NDArray[np.float32], beta: float = 0.999) -> None:
        """`labels` (n, roles) of the training split; roles without an example weigh nothing."""
        super().__init__()
        counts = torch.from_numpy((labels > 0).sum(axis=0).astype(np.float32))
        weights = torch.where(counts > 0, (1 - beta) / (1 - beta**counts).clamp(min=_EPSILON), 0.0)
        self.register_buffer("weights", weights * (counts > 0).sum() / weights.sum().clamp(min=_EPSILON))

    def cells(self, given: Tensor, wanted: Tensor) -> Tensor:
        """The loss of every cell (batch, roles)."""
        return super().cells(given, wanted) * self.weights


class CellCrossEntropy(nn.Module):
    """Cross-entropy between the roles told in every cell and their shares of its power; loud cells count for more.

    Where the shares are unknown, as in a cut of a composition, all that is asked is that no role be told that is off.
    """

    def forward(self, logits: Tensor, shares: Tensor, wanted: Tensor, powers: Tensor) -> Tensor:
        """One number from logits and shares (batch, beats, bands, roles), roles (batch, roles), powers of the cells."""
        told = torch.log_softmax(logits.float(), dim=-1)
        by_share = -(shares * told).sum(dim=-1)
        off = (wanted == 0) & (wanted != 0).any(dim=1, keepdim=True)
        among_possible = -torch.logsumexp(told.masked_fill(off[:, None, None, :], -math.inf), dim=-1)
        cells = torch.where(shares[..., 0] >= 0, by_share, among_possible)
        weights = (powers / powers.amax(dim=(1, 2), keepdim=True).clamp(min=_EPSILON)) ** _LOUDNESS
        return (weights * cells).sum() / weights.sum().clamp(min=_EPSILON)


LOSSES: Final[dict[str, Callable[[NDArray[np.float32]], BinaryCrossEntropy]]] = {
    "bce": lambda labels: BinaryCrossEntropy(),
    "focal": lambda labels: Focal(),
    "asymmetric": lambda labels: Asymmetric(),
    "class-balanced": ClassBalanced,
}


def build_loss(name: str, labels: NDArray[np.float32]) -> BinaryCrossEntropy:
    """A loss by name, for training labels (n, roles); raises KeyError naming the choices if it is unknown."""
    if name not in LOSSES:
        raise KeyError(f"no loss {name!r}; choose from {', '.join(sorted(LOSSES))}")
    return LOSSES[name](labels)
