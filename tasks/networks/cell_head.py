"""A head that tells the roles apart in every beat and group of bands: for training only, dropped at inference."""

from torch import Tensor, nn


class CellHead(nn.Module):
    """One 1x1 convolution on the image that a `CellNetwork` makes before frequency becomes channels."""

    def __init__(self, channels: int, roles: int) -> None:
        """`channels` are those of the image."""
        super().__init__()
        self.roles = nn.Conv2d(channels, roles, 1)

    def forward(self, image: Tensor) -> Tensor:
        """(batch, channels, beats, bands) to logits (batch, beats, bands, roles)."""
        logits: Tensor = self.roles(image).permute(0, 2, 3, 1)
        return logits
