"""From a model card and its weights to a network that answers."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import nn

from storage.models import ModelCard
from tasks.networks import NetworkConfig

_BATCH: Final = 32


def load_network(weights: Path, card: ModelCard) -> nn.Module:
    """The network of a card with its weights, ready to answer; each process reads them once."""
    return _load(weights, card.weights_digest, NetworkConfig(**card.network))


@lru_cache(maxsize=2)
def _load(weights: Path, digest: str, config: NetworkConfig) -> nn.Module:
    network = config.build()
    network.load_state_dict(load_file(weights))
    return network.eval()


def on_best_device(network: nn.Module) -> nn.Module:
    """The network on this machine's GPU, if it has one."""
    return network.to("cuda" if torch.cuda.is_available() else "cpu")


def predict(network: nn.Module, mels: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Probabilities (n, roles) of log-mels (n, frames, mels); every call of the network has the same padded size.

    So a row does not depend on its neighbours: what the libraries do to a batch is the same for each. Where a GPU has
    too little memory for it, the size is halved until it fits.
    """
    size = _BATCH
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
