"""Reverberation of mel powers: a diffuse tail, in which powers add up."""

import torch
from torch import Tensor

from tasks.training.augmentation import uniform


def reverberated(power: Tensor, random: torch.Generator) -> Tensor:
    """Mel powers (rows, frames, bands) with a tail that dies away over an eighth of a beat to two beats.

    The tail has between a hundredth of the power of the dry sound and twice as much; what rings at the end of a
    loop rings on at its start.
    """
    rows, frames, _ = power.shape
    decay = (2.0 * 2 ** (4 * uniform(rows, random)))[:, None]
    tail = torch.exp(-torch.arange(frames) / decay)
    wet = 10 ** (-2 + 2.3 * uniform(rows, random))[:, None]
    response = wet * tail / tail.sum(dim=1, keepdim=True)
    response[:, 0] += 1
    ago = (torch.arange(frames)[:, None] - torch.arange(frames)) % frames
    return torch.bmm(response[:, ago].to(power.device), power)
