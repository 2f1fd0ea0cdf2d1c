"""A musicnn-style network (Pons and Serra, 2019): filters for timbre and for rhythm, then densely connected layers."""

from typing import Final

import torch
from torch import Tensor, nn

from tasks.networks.base import BandNorm, RoleNetwork

_TIMBRES: Final = (0.7, 0.4)
_RHYTHMS: Final = (33, 17, 9)


class Timbre(nn.Module):
    """Filters seven frames wide and most of the bands tall; where in the spectrum they answer does not matter."""

    def __init__(self, filters: int, bands: int) -> None:
        """`bands` is the height of a filter."""
        super().__init__()
        self.filters = nn.Sequential(
            nn.Conv2d(1, filters, (7, bands), stride=(4, 2), padding=(3, 0), bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 1, frames, mels) to (batch, filters, frames / 4)."""
        answers: Tensor = self.filters(image)
        return answers.amax(dim=3)


class Rhythm(nn.Module):
    """Long filters over the mean of the bands."""

    def __init__(self, filters: int, frames: int) -> None:
        """`frames` is the length of a filter."""
        super().__init__()
        self.filters = nn.Sequential(
            nn.Conv1d(1, filters, frames, stride=4, padding=frames // 2, bias=False),
            nn.BatchNorm1d(filters),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        """(batch, 1, frames, mels) to (batch, filters, frames / 4)."""
        answers: Tensor = self.filters(image.mean(dim=3))
        return answers


class MusicnnNetwork(RoleNetwork):
    """A front end of timbre and rhythm filters, three residual convolutions along time, all of them joined."""

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """`width` is the number of rhythm filters a length (51 in the paper); timbre has four times that a height."""
        super().__init__(pooling)
        self.level = BandNorm(mels)
        self.front = nn.ModuleList(
            [
                *(Timbre(4 * width, round(share * mels)) for share in _TIMBRES),
                *(Rhythm(width, frames) for frames in _RHYTHMS),
            ]
        )
        front, middle = 11 * width, 4 * width
        self.middle = nn.ModuleList(_along_time(channels, middle) for channels in (front, middle, middle))
        self.shorten = nn.AvgPool1d(4)
        joined = front + 3 * middle
        self.dense = nn.Sequential(
            nn.Dropout(0.5), nn.Conv1d(joined, 8 * width, 1), nn.BatchNorm1d(8 * width), nn.ReLU(inplace=True)
        )
        self.roles = nn.Sequential(nn.Dropout(0.5), nn.Linear(8 * width, roles))

    def features(self, mel: Tensor) -> Tensor:
        """A feature vector per beat (batch, frames / 16, channels)."""
        image = self.level(mel)
        layers = [torch.cat([branch(image) for branch in self.front], dim=1)]
        for place, layer in enumerate(self.middle):
            output = layer(layers[-1])
            layers.append(output if place == 0 else output + layers[-1])
        steps: Tensor = self.dense(self.shorten(torch.cat(layers, dim=1)))
        return steps.transpose(1, 2)

    def logits(self, features: Tensor) -> Tensor:
        """Logits per beat (batch, beats, roles)."""
        logits: Tensor = self.roles(features)
        return logits


def _along_time(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(channels_in, channels_out, 7, padding=3, bias=False),
        nn.BatchNorm1d(channels_out),
        nn.ReLU(inplace=True),
    )
