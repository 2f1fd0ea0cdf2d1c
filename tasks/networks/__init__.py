"""Small readable networks and poolings, one file each, built by name from what a model card says."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from torch import nn

from tasks.networks.pooling import AutoPool, MaxPool, MeanPool
from tasks.networks.separable import SeparableNetwork

NETWORKS: Final[dict[str, Callable[..., nn.Module]]] = {"separable": SeparableNetwork}
POOLINGS: Final[dict[str, Callable[[int], nn.Module]]] = {"auto": AutoPool, "max": MaxPool, "mean": MeanPool}


@dataclass(frozen=True)
class NetworkConfig:
    """What is needed to build a network again: names from the registries, the input's bands, the output's roles."""

    network: str
    pooling: str
    mels: int
    roles: int
    width: int = 24

    def build(self) -> nn.Module:
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
