"""From a model card and its weights to a network that answers."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from storage.models import ModelCard
from storage.vocabulary import ROLES
from tasks.networks import NetworkConfig, RoleNetwork, channels_last
from tasks.networks.folding import folded

_FRAMES_AT_ONCE: Final = {"cpu": 1536, "cuda": 65_536}
"""How many frames go through a network in one call: what a processor's cache holds, what keeps a GPU busy."""

_EPSILON: Final = 1e-6


class CalibratedNetwork(nn.Module):
    """A network whose log-odds are scaled and shifted per role, as its card says; the order of answers is kept."""

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
        odds = torch.logit(self.network(mel), _EPSILON)
        return torch.sigmoid(self.scale * odds + self.shift)

    def frames(self, mel: Tensor) -> Tensor:
        """Calibrated logits per time step (batch, steps, roles), before pooling."""
        return self.scale * self.network.frames(mel) + self.shift


def load_network(weights: Path, card: ModelCard) -> nn.Module:
    """The network of a card with its weights and calibration, ready to answer; each process reads them once."""
    calibration = tuple(sorted((role, tuple(pair)) for role, pair in card.calibration.items()))
    return _load(weights, card.weights_digest, NetworkConfig(**card.network), calibration)


@lru_cache(maxsize=2)
def _load(weights: Path, digest: str, config: NetworkConfig, calibration: tuple[tuple[str, Any], ...]) -> nn.Module:
    network = config.build()
    network.load_state_dict(load_file(weights))
    quick = channels_last(folded(network.eval()))
    return CalibratedNetwork(quick, dict(calibration)).eval() if calibration else quick


def on_best_device(network: nn.Module) -> nn.Module:
    """The network on this machine's GPU, if it has one."""
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


def predict(network: nn.Module, mels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities (n, roles) of log-mels (n, frames, mels); every call of the network has the same padded size.

    So a row does not depend on its neighbours: what the libraries do to a batch is the same for each. Where a GPU has
    too little memory for it, the size is halved until it fits.
    """
    device = next(network.parameters()).device
    size = max(1, _FRAMES_AT_ONCE.get(device.type, _FRAMES_AT_ONCE["cpu"]) // max(1, mels.shape[1]))
    while True:
        try:
            return _predict(network, mels, size)
        except torch.OutOfMemoryError:
            if size == 1:
                raise
            size //= 2
            torch.cuda.empty_cache()


def _predict(network: nn.Module, mels: NDArray[np.floating[Any]], size: int) -> NDArray[np.float32]:
    device = next(network.parameters()).device
    rows: list[NDArray[np.float32]] = []
    network.eval()
    with torch.inference_mode():
        for start in range(0, len(mels), size):
            batch = np.asarray(mels[start : start + size], np.float32)
            padded = np.zeros((size, *batch.shape[1:]), np.float32)
            padded[: len(batch)] = batch
            rows.append(network(torch.from_numpy(padded).to(device))[: len(batch)].cpu().numpy())
    return np.concatenate(rows) if rows else np.empty((0, 0), np.float32)
