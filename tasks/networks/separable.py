"""An efficient network of depthwise separable convolutions, small enough for one core and a million files."""

import torch
from torch import Tensor, nn


class SeparableBlock(nn.Sequential):
    """Depthwise 3x3, pointwise 1x1, each with batch norm and ReLU; the depthwise step may stride."""

    def __init__(self, channels_in: int, channels_out: int, stride: tuple[int, int]) -> None:
        """`stride` is (time, frequency)."""
        super().__init__(
            nn.Conv2d(channels_in, channels_in, 3, stride=stride, padding=1, groups=channels_in, bias=False),
            nn.BatchNorm2d(channels_in),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(),
        )


class SeparableNetwork(nn.Module):
    """Log-mel (batch, frames, mels) to one probability per role (batch, roles).

    A strided stem and five separable blocks shrink time by 16 and frequency by 16; what is left of frequency
    becomes channels, and a convolution along time looks across three beats. Each beat gives its own probabilities,
    from itself and from a summary of all four bars, and `pooling` turns them into one.
    """

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """`width` is the number of channels after the stem; it doubles twice."""
        super().__init__()
        self.level = nn.BatchNorm1d(mels)
        self.stem = nn.Sequential(
            nn.Conv2d(1, width, (5, 5), stride=(4, 2), padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.blocks = nn.Sequential(
            SeparableBlock(width, 2 * width, (2, 2)),
            SeparableBlock(2 * width, 2 * width, (1, 1)),
            SeparableBlock(2 * width, 4 * width, (2, 2)),
            SeparableBlock(4 * width, 4 * width, (1, 1)),
            SeparableBlock(4 * width, 4 * width, (1, 2)),
        )
        rows = -(-mels // 16)
        self.along_time = nn.Sequential(
            nn.Conv1d(4 * width * rows, 4 * width, 1, bias=False),
            nn.BatchNorm1d(4 * width),
            nn.ReLU(),
            nn.Conv1d(4 * width, 4 * width, 3, padding=1, groups=4 * width, bias=False),
            nn.BatchNorm1d(4 * width),
            nn.ReLU(),
        )
        self.summary = nn.Sequential(nn.Linear(8 * width, 4 * width), nn.ReLU())
        self.dropout = nn.Dropout(0.4)
        self.roles = nn.Linear(8 * width, roles)
        self.pooling = pooling

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, roles), each in 0..1."""
        pooled: Tensor = self.pooling(torch.sigmoid(self.frames(mel)))
        return pooled

    def frames(self, mel: Tensor) -> Tensor:
        """Logits per time step (batch, frames / 16, roles), before pooling."""
        image = self.level(mel.transpose(1, 2)).transpose(1, 2)
        features = self.blocks(self.stem(image.unsqueeze(1)))
        steps = self.along_time(features.transpose(2, 3).flatten(1, 2))
        summary = self.summary(torch.cat([steps.mean(dim=2), steps.amax(dim=2)], dim=1))
        both = torch.cat([steps, summary[:, :, None].expand_as(steps)], dim=1)
        logits: Tensor = self.roles(self.dropout(both.transpose(1, 2)))
        return logits
