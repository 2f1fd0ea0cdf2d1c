"""What every network has in common: logits per time step, pooled into one probability per role."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class RoleNetwork(nn.Module, ABC):
    """Log-mel (batch, frames, mels) to one probability per role (batch, roles)."""

    def __init__(self, pooling: nn.Module) -> None:
        """`pooling` turns probabilities per time step into one for the whole segment."""
        super().__init__()
        self.pooling = pooling

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, roles), each in 0..1."""
        return self._answer(self.features(mel))

    def at_two_scales(self, mel: Tensor, parts: int) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the same for each of so many equal parts: (batch, parts, roles).

        The convolutions run once for both; a part is read with its context.
        """
        features = self.features(mel)
        batch, steps, channels = features.shape
        of_parts = self._answer(features.reshape(batch * parts, steps // parts, channels))
        return self._answer(features), of_parts.reshape(batch, parts, -1)

    def frames(self, mel: Tensor) -> Tensor:
        """Logits per time step (batch, steps, roles), before pooling."""
        return self.logits(self.features(mel))

    def _answer(self, features: Tensor) -> Tensor:
        pooled: Tensor = self.pooling(torch.sigmoid(self.logits(features).float()))
        return pooled

    def penalty(self) -> Tensor:
        """What training adds to the loss: zero but for poolings that ask for it."""
        asked = getattr(self.pooling, "penalty", None)
        return asked() if asked is not None else next(self.parameters()).new_zeros(())

    @abstractmethod
    def features(self, mel: Tensor) -> Tensor:
        """The convolutions' output at each time step of log-mel (batch, frames, mels): (batch, steps, channels)."""

    @abstractmethod
    def logits(self, features: Tensor) -> Tensor:
        """The roles at each time step (batch, steps, roles) of a stretch of `features`."""


class CellNetwork(RoleNetwork):
    """A network that makes an image of beats by groups of bands, and only then lets frequency become channels.

    So every place of the image can be told which role sounds there, while it trains.
    """

    cell_channels: int
    """Channels of the image."""

    @abstractmethod
    def image(self, mel: Tensor) -> Tensor:
        """Log-mel (batch, frames, mels) to (batch, channels, beats, bands)."""

    @abstractmethod
    def steps(self, image: Tensor) -> Tensor:
        """What `features` gives, from the image: (batch, steps, channels)."""

    def features(self, mel: Tensor) -> Tensor:
        """A feature vector per beat (batch, beats, channels)."""
        return self.steps(self.image(mel))

    def answer_image(self, image: Tensor) -> Tensor:
        """What `forward` gives (batch, roles), from the image."""
        return self._answer(self.steps(image))


def channels_last(network: RoleNetwork) -> RoleNetwork:
    """The same network with its weights in the order in which convolutions are quickest.

    The strides are stated: of weights with one channel torch would keep those of the other order, which are as good
    for these weights, but tell it to write the whole image in that order.
    """
    for parameter in network.parameters():
        if parameter.dim() == 4:
            many, channels, height, width = parameter.shape
            ordered = parameter.data.permute(0, 2, 3, 1).contiguous()
            strides = (height * width * channels, 1, width * channels, channels)
            parameter.data = ordered.as_strided((many, channels, height, width), strides)
    return network


class BandNorm(nn.BatchNorm1d):
    """Batch norm of log-mel (batch, frames, mels), each band by itself; returns an image (batch, 1, frames, mels)."""

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, 1, frames, mels)."""
        if self.training or self.running_mean is None or self.running_var is None:
            return super().forward(mel.transpose(1, 2)).transpose(1, 2).unsqueeze(1)
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return torch.addcmul(self.bias - self.running_mean * scale, mel, scale).unsqueeze(1)


def convolution(channels_in: int, channels_out: int, size: tuple[int, int]) -> nn.Sequential:
    """A convolution that keeps the image's size (time, frequency), with batch norm and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, size, padding="same", bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
