"""An efficient network of depthwise separable convolutions, small enough for one core and a million files."""

import torch
from torch import Tensor, nn

from tasks.networks.base import BandNorm, CellNetwork


class SeparableBlock(nn.Module):
    """A depthwise 3x3 and a pointwise 1x1 convolution, batch norm and ReLU; added to the input where shapes agree."""

    def __init__(self, channels_in: int, channels_out: int, stride: tuple[int, int]) -> None:
        """`stride` is (time, frequency)."""
        super().__init__()
        self.added = channels_in == channels_out and stride == (1, 1)
        self.depthwise = nn.Conv2d(
            channels_in, channels_in, 3, stride=stride, padding=1, groups=channels_in, bias=False
        )
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, frames, bands), smaller by the stride."""
        changed = self.norm(self.pointwise(self.depthwise(image)))
        return torch.relu_(changed.add_(image) if self.added else changed)


class SeparableNetwork(CellNetwork):
    """A strided stem and five separable blocks shrink time by 16 and frequency by 16.

    What is left of frequency becomes channels, and a convolution along time looks across three beats. Each beat
    gives its own logits, from itself and from a summary of all that is asked about.
    """

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """`width` is the number of channels after the stem; it doubles twice."""
        super().__init__(pooling)
        self.level = BandNorm(mels)
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, (5, 5), stride=(4, 2), padding=2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        )
        self.blocks = nn.Sequential(
            SeparableBlock(width, 2 * width, (2, 2)),
            SeparableBlock(2 * width, 2 * width, (1, 1)),
            SeparableBlock(2 * width, 4 * width, (2, 2)),
            SeparableBlock(4 * width, 4 * width, (1, 1)),
            SeparableBlock(4 * width, 4 * width, (1, 2)),
        )
        self.cell_channels = 4 * width
        rows = -(-mels // 16)
        self.along_time = nn.Sequential(
            nn.Conv1d(4 * width * rows, 4 * width, 1, bias=False),
            nn.BatchNorm1d(4 * width),
            nn.ReLU(inplace=True),
            nn.Conv1d(4 * width, 4 * width, 3, padding=1, groups=4 * width, bias=False),
            nn.BatchNorm1d(4 * width),
            nn.ReLU(inplace=True),
        )
        self.summary = nn.Sequential(nn.Linear(8 * width, 4 * width), nn.ReLU(inplace=True))
        self.dropout = nn.Dropout(0.4)
        self.roles = nn.Linear(8 * width, roles)

    def image(self, mel: Tensor) -> Tensor:
        """(batch, channels, frames / 16, mels / 16): beats by groups of bands."""
        image: Tensor = self.blocks(self.stem(self.level(mel)))
        return image

    def steps(self, image: Tensor) -> Tensor:
        """A feature vector per beat (batch, frames / 16, channels)."""
        steps: Tensor = self.along_time(image.transpose(2, 3).flatten(1, 2))
        return steps.transpose(1, 2)

    def logits(self, features: Tensor) -> Tensor:
        """Logits per beat (batch, beats, roles)."""
        steps = features.transpose(1, 2)
        summary = self.summary(torch.cat([steps.mean(dim=2), steps.amax(dim=2)], dim=1))
        both = torch.cat([steps, summary[:, :, None].expand_as(steps)], dim=1)
        logits: Tensor = self.roles(self.dropout(both.transpose(1, 2)))
        return logits
