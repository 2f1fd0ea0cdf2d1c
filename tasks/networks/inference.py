"""Loading a network from its card and weights, and running it on log-mels in batches."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from storage.models import ModelCard
from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.networks import NetworkConfig, RoleNetwork, channels_last
from tasks.networks.folding import folded

Probabilities = NDArray[np.float32]

_FRAMES_AT_ONCE: Final = {"cpu": 3072, "cuda": 65_536}
"""How many frames go through a network in one call: what a processor's cache holds, what keeps a GPU busy."""

_EPSILON: Final = 1e-6


class CalibratedNetwork(nn.Module):
    """A network whose log-odds are scaled and shifted per role, as its card says; the ranking does not change."""

    scale: Tensor
    shift: Tensor

    def __init__(self, network: RoleNetwork, calibration: dict[str, tuple[float, float]]) -> None:
        """`calibration` maps roles to (scale, shift); a role that is not named is left as it is."""
        super().__init__()
        self.network = network
        pairs = torch.tensor([calibration.get(role, (1.0, 0.0)) for role in ROLES])
        self.register_buffer("scale", pairs[:, 0], persistent=False)
        self.register_buffer("shift", pairs[:, 1], persistent=False)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, roles), each in 0..1."""
        return self._calibrated(self.network(mel))

    def at_two_scales(self, mel: Tensor, parts: int) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and the same for each of so many equal parts: (batch, parts, roles)."""
        whole, of_parts = self.network.at_two_scales(mel, parts)
        return self._calibrated(whole), self._calibrated(of_parts)

    def _calibrated(self, probabilities: Tensor) -> Tensor:
        return torch.sigmoid(self.scale * torch.logit(probabilities, _EPSILON) + self.shift)


LoadedNetwork = RoleNetwork | CalibratedNetwork
"""A network ready to answer: log-mels (batch, frames, mels) to probabilities, at the scale of segments and of bars."""


def load_network(weights: Path, card: ModelCard) -> LoadedNetwork:
    """The network of a card with its weights and calibration, ready to answer; each process reads them once."""
    calibration = tuple(sorted((role, tuple(pair)) for role, pair in card.calibration.items()))
    return _load(weights, card.weights_digest, NetworkConfig(**card.network), calibration)


@lru_cache(maxsize=2)
def _load(weights: Path, digest: str, config: NetworkConfig, calibration: tuple[tuple[str, Any], ...]) -> LoadedNetwork:
    network = config.build()
    network.load_state_dict(load_file(weights))
    quick = channels_last(folded(network.eval()))
    return CalibratedNetwork(quick, dict(calibration)).eval() if calibration else quick


def on_best_device(network: LoadedNetwork) -> LoadedNetwork:
    """The network on this machine's GPU, if it has one."""
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


def predict(network: nn.Module, mels: NDArray[np.floating[Any]]) -> Probabilities:
    """Probabilities (n, roles) of log-mels (n, frames, mels); every call of the network has the same padded size.

    So a row does not depend on its neighbours: what the libraries do to a batch is the same for each. Where a GPU has
    too little memory for it, the size is halved until it fits.
    """
    return _in_batches(network, lambda batch: (network(batch),), mels)[0]


def predict_at_two_scales(
    network: LoadedNetwork, mels: NDArray[np.floating[Any]]
) -> tuple[Probabilities, Probabilities]:
    """As `predict`, for segments (n, roles) and for each of their four bars (n, 4, roles) at once."""
    segments, bars = _in_batches(network, lambda batch: network.at_two_scales(batch, BARS_PER_SEGMENT), mels)
    return segments, bars


def _in_batches(
    network: nn.Module, ask: Callable[[Tensor], tuple[Tensor, ...]], mels: NDArray[np.floating[Any]]
) -> list[Probabilities]:
    device = next(network.parameters()).device
    size = max(1, _FRAMES_AT_ONCE.get(device.type, _FRAMES_AT_ONCE["cpu"]) // max(1, mels.shape[1]))
    network.eval()
    while True:
        try:
            answers = [
                _ask(ask, mels[start : start + size], size, device) for start in range(0, max(1, len(mels)), size)
            ]
            return [np.concatenate(parts) for parts in zip(*answers, strict=True)]
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
            torch.cuda.empty_cache()


def _ask(
    ask: Callable[[Tensor], tuple[Tensor, ...]], mels: NDArray[np.floating[Any]], size: int, device: torch.device
) -> list[Probabilities]:
    padded = np.zeros((size, *mels.shape[1:]), np.float32)
    padded[: len(mels)] = mels
    with torch.inference_mode():
        return [answer[: len(mels)].cpu().numpy() for answer in ask(torch.from_numpy(padded).to(device))]


@lru_cache(maxsize=1)
def use_one_thread() -> None:
    """A worker is one of many: more threads than one in each only fight each other."""
    torch.set_num_threads(1)
