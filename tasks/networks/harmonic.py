"""H-CNN, a convolutional network over six harmonics stacked as channels (Won et al., ICASSP 2020).

The original computes its harmonic tensor from the waveform with learned filters; here it is read from the mel bands,
each harmonic by a fixed interpolation, so that it takes the features that every network here takes.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tasks.networks.base import BandNorm, RoleNetwork, convolution

_HARMONICS: Final = 6


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input, then a 2x2 max pooling."""

    def __init__(self, channels: int, pool: tuple[int, int]) -> None:
        """`pool` is (time, frequency)."""
        super().__init__()
        self.first = convolution(channels, channels, (3, 3))
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))
        self.pool = nn.MaxPool2d(pool)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, frames, bands), smaller by the pool."""
        pooled: Tensor = self.pool(torch.relu(image + self.second(self.first(image))))
        return pooled


class HarmonicNetwork(RoleNetwork):
    """Six harmonics as channels, a convolution and residual blocks, two widths."""

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """`width` is the number of channels of the first half (128 in the paper); the second has twice that."""
        super().__init__(pooling)
        self.level = BandNorm(mels)
        self.register_buffer("harmonics", torch.from_numpy(_harmonic_matrices(mels)), persistent=False)
        self.stack = nn.Sequential(
            convolution(_HARMONICS, width, (3, 3)),
            nn.MaxPool2d((4, 2)),
            ResidualBlock(width, (2, 2)),
            ResidualBlock(width, (2, 2)),
            convolution(width, 2 * width, (3, 3)),
            ResidualBlock(2 * width, (1, 2)),
            ResidualBlock(2 * width, (1, 2)),
        )
        rows = mels // 32
        self.dense = nn.Sequential(nn.Linear(2 * width * rows, 2 * width), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.roles = nn.Linear(2 * width, roles)

    def features(self, mel: Tensor) -> Tensor:
        """A feature vector per beat (batch, frames / 16, channels)."""
        image = torch.einsum("btm,hmk->bhtk", self.level(mel)[:, 0], self.harmonics)
        stacked: Tensor = self.stack(image)
        return stacked.transpose(1, 2).flatten(2)

    def logits(self, features: Tensor) -> Tensor:
        """Logits per beat (batch, beats, roles)."""
        logits: Tensor = self.roles(self.dense(features))
        return logits


def _harmonic_matrices(mels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Matrices (harmonics, mels, mels): column k of harmonic h reads the bands around h times the centre of band k."""
    hertz = mel_centres(MelConfig(mels=mels))
    matrices = np.zeros((_HARMONICS, mels, mels), np.float32)
    for harmonic in range(_HARMONICS):
        wanted = hertz * (harmonic + 1)
        inside = np.flatnonzero(wanted <= hertz[-1])
        upper = np.searchsorted(hertz, wanted[inside]).clip(1, mels - 1)
        share = ((wanted[inside] - hertz[upper - 1]) / (hertz[upper] - hertz[upper - 1])).clip(0, 1)
        matrices[harmonic, upper - 1, inside] = 1 - share
        matrices[harmonic, upper, inside] += share
    return matrices
