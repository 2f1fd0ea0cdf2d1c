"""Poolings over time: probabilities per step (batch, steps, roles) to one probability per role (batch, roles)."""

import torch
from torch import Tensor, nn


class MeanPool(nn.Module):
    """The mean over time."""

    def __init__(self, roles: int) -> None:
        """Nothing to learn."""
        super().__init__()

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, steps, roles) to (batch, roles)."""
        return steps.mean(dim=1)


class MaxPool(nn.Module):
    """Global max pooling: the most certain moment decides."""

    def __init__(self, roles: int) -> None:
        """Nothing to learn."""
        super().__init__()

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, steps, roles) to (batch, roles)."""
        return steps.amax(dim=1)


class AttentionPool(nn.Module):
    """A mean whose weights are learned: how much a moment counts for a role follows from all roles at that moment."""

    def __init__(self, roles: int) -> None:
        """It starts at the mean."""
        super().__init__()
        self.attend = nn.Linear(roles, roles)
        nn.init.zeros_(self.attend.weight)
        nn.init.zeros_(self.attend.bias)

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, steps, roles) to (batch, roles)."""
        weights = torch.softmax(self.attend(steps), dim=1)
        return (weights * steps).sum(dim=1)


class AutoPool(nn.Module):
    """A learned point between mean and max for each role (McFee, Salamon and Bello, TASLP 2018)."""

    def __init__(self, roles: int) -> None:
        """One exponent per role; it starts at the mean, as in the paper."""
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(roles))

    def forward(self, steps: Tensor) -> Tensor:
        """(batch, steps, roles) to (batch, roles)."""
        weights = torch.softmax(self.exponents() * steps, dim=1)
        return (weights * steps).sum(dim=1)

    def exponents(self) -> Tensor:
        """Zero is the mean, one is soft-max pooling, and the greater the nearer to the maximum."""
        return self.alpha


class ConstrainedAutoPool(AutoPool):
    """AutoPool whose exponents stay where the weight of one of `steps` moments is at most `most` (section III-B)."""

    def __init__(self, roles: int, steps: int = 16, most: float = 0.5) -> None:
        """The bound follows from the number of steps and the greatest weight one of them may have."""
        super().__init__(roles)
        self.bound = float(torch.log(torch.tensor(most * (steps - 1) / (1 - most))))

    def exponents(self) -> Tensor:
        """The exponents, none beyond the bound either way."""
        return self.alpha.clamp(-self.bound, self.bound)


class RegularisedAutoPool(AutoPool):
    """AutoPool whose exponents are drawn back to the mean by a penalty on their squares (section III-B)."""

    strength = 1e-3

    def penalty(self) -> Tensor:
        """What training adds to the loss."""
        return self.strength * self.alpha.square().sum()
