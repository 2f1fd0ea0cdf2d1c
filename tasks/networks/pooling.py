"""Poolings over time: probabilities per frame (batch, frames, roles) to one probability per role (batch, roles)."""

import torch
from torch import Tensor, nn


class MeanPool(nn.Module):
    """The mean over time."""

    def __init__(self, roles: int) -> None:
        """Nothing to learn."""
        super().__init__()

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, frames, roles) to (batch, roles)."""
        return frames.mean(dim=1)


class MaxPool(nn.Module):
    """Global max pooling: the most certain moment decides."""

    def __init__(self, roles: int) -> None:
        """Nothing to learn."""
        super().__init__()

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, frames, roles) to (batch, roles)."""
        return frames.amax(dim=1)


class AutoPool(nn.Module):
    """A learned point between mean and max for each role (McFee, Salamon and Bello, TASLP 2018)."""

    def __init__(self, roles: int) -> None:
        """One exponent per role; it starts at the mean, as in the paper."""
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(roles))

    def forward(self, frames: Tensor) -> Tensor:
        """(batch, frames, roles) to (batch, roles)."""
        weights = torch.softmax(self.alpha * frames, dim=1)
        return (weights * frames).sum(dim=1)
