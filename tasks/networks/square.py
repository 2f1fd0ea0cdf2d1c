"""SF-CNN: a stack of square 3x3 filters, as in the short-chunk network (Won et al., SMC 2020), kept in time."""

from torch import Tensor, nn

from tasks.networks.base import BandNorm, RoleNetwork, convolution


class SquareNetwork(RoleNetwork):
    """Six 3x3 convolutions, each with a 2x2 max pooling until a beat is a step and a band or two are left."""

    def __init__(self, mels: int, roles: int, width: int, pooling: nn.Module) -> None:
        """Make the layers.

        `width` is the number of channels of the first two layers (128 in the paper); the last has four times that.
        """
        super().__init__(pooling)
        channels = [1, width, width, 2 * width, 2 * width, 2 * width, 4 * width]
        pools = [(2, 2), (2, 2), (2, 2), (2, 2), (1, 2), (1, 2)]
        layers: list[nn.Module] = []
        for size_in, size_out, pool in zip(channels[:-1], channels[1:], pools, strict=True):
            layers += [convolution(size_in, size_out, (3, 3)), nn.MaxPool2d(pool, ceil_mode=True)]
        rows = -(-mels // 64)
        self.level = BandNorm(mels)
        self.stack = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Linear(4 * width * rows, 4 * width), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.roles = nn.Linear(4 * width, roles)

    def features(self, mel: Tensor) -> Tensor:
        """A feature vector per beat (batch, frames / 16, channels)."""
        stacked: Tensor = self.stack(self.level(mel))
        return stacked.transpose(1, 2).flatten(2)

    def logits(self, features: Tensor) -> Tensor:
        """Logits per beat (batch, beats, roles)."""
        logits: Tensor = self.roles(self.dense(features))
        return logits
