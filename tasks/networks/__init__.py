"""Networks, one file each, and the registries by which they and the poolings are built; add a new one here."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from torch import nn

from tasks.networks.base import CellNetwork, RoleNetwork, channels_last
from tasks.networks.harmonic import HarmonicNetwork
from tasks.networks.musicnn import MusicnnNetwork
from tasks.networks.pooling import (
    AttentionPool,
    AutoPool,
    ConstrainedAutoPool,
    MaxPool,
    MeanPool,
    RegularisedAutoPool,
)
from tasks.networks.separable import SeparableNetwork
from tasks.networks.square import SquareNetwork
from tasks.networks.vertical import VerticalNetwork

__all__ = ["NETWORKS", "POOLINGS", "WIDTHS", "CellNetwork", "NetworkConfig", "RoleNetwork", "channels_last"]

NETWORKS: Final[dict[str, Callable[..., RoleNetwork]]] = {
    "harmonic": HarmonicNetwork,
    "musicnn": MusicnnNetwork,
    "separable": SeparableNetwork,
    "square": SquareNetwork,
    "vertical": VerticalNetwork,
}
POOLINGS: Final[dict[str, Callable[[int], nn.Module]]] = {
    "attention": AttentionPool,
    "auto": AutoPool,
    "auto-constrained": ConstrainedAutoPool,
    "auto-regularised": RegularisedAutoPool,
    "max": MaxPool,
    "mean": MeanPool,
}
WIDTHS: Final = {"harmonic": 8, "musicnn": 8, "separable": 24, "square": 8, "vertical": 3}
"""Widths at which every network takes some 10 to 50 million multiplications a segment."""


@dataclass(frozen=True)
class NetworkConfig:
    """What is needed to build a network again: names from the registries, the input's bands, the output's roles."""

    network: str
    pooling: str
    mels: int
    roles: int
    width: int = 24

    def build(self) -> RoleNetwork:
        """An untrained network; raises KeyError naming the choices if a name is unknown."""
        if self.network not in NETWORKS:
            raise KeyError(f"no network {self.network!r}; choose from {', '.join(sorted(NETWORKS))}")
        if self.pooling not in POOLINGS:
            raise KeyError(f"no pooling {self.pooling!r}; choose from {', '.join(sorted(POOLINGS))}")
        return NETWORKS[self.network](
            mels=self.mels, roles=self.roles, width=self.width, pooling=POOLINGS[self.pooling](self.roles)
        )

    def to_dict(self) -> dict[str, str | int]:
        """The JSON form that goes into a card."""
        return asdict(self)
