"""VF-CNN: branches of tall filters that see timbre across most of the bands, then a small square-filter stack.

After the network drawn by Drysdale et al. (DAFx20in22), whose front end is that of Pons et al. (EUSIPCO 2017); the
heights are read from the drawing.
"""

from typing import Final

import torch
from torch import Tensor, nn

from tasks.networks.base import BandNorm, RoleNetwork, convolution

_HEIGHTS: Final = (0.70, 0.68, 0.49, 0.80)
_WIDTHS: Final = (5, 3, 1, 1)


class VerticalNetwork(RoleNetwork):
    """Four branches of vertical filters, pooled to sixteenths of the time axis and a quarter of the bands."""

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """`width` is the number of filters in each branch; the back end has four times that (128 in the paper)."""
        super().__init__(pooling)
        self.level = BandNorm(mels)
        self.branches = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(1, width, (time, tall), stride=(2, 1), padding=(time // 2, tall // 2), bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d((2, 4)),
            )
            for tall, time in (
                (2 * (round(share * mels) // 2) + 1, wide) for share, wide in zip(_HEIGHTS, _WIDTHS, strict=True)
            )
        )
        wide = 4 * width
        self.stack = nn.Sequential(
            convolution(wide, wide, (3, 3)),
            nn.MaxPool2d(2),
            nn.Dropout2d(0.1),
            convolution(wide, wide, (3, 3)),
            nn.MaxPool2d(2),
            nn.Dropout2d(0.1),
            nn.Conv2d(wide, 2 * wide, (1, mels // 16), bias=False),
            nn.BatchNorm2d(2 * wide),
            nn.ReLU(inplace=True),
        )
        self.roles = nn.Sequential(nn.Dropout(0.5), nn.Linear(2 * wide, roles))

    def features(self, mel: Tensor) -> Tensor:
        """A feature vector per beat (batch, frames / 16, channels)."""
        image = self.level(mel)
        stacked: Tensor = self.stack(torch.cat([branch(image) for branch in self.branches], dim=1))
        return stacked[..., 0].transpose(1, 2)

    def logits(self, features: Tensor) -> Tensor:
        """Logits per beat (batch, beats, roles)."""
        logits: Tensor = self.roles(features)
        return logits
