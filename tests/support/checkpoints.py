"""A checkpoint of beat_this for tests: real in everything but what it has learned."""

from pathlib import Path

import torch
from beat_this.model.beat_tracker import BeatThis


def beat_checkpoint(path: Path) -> Path:
    """The network of beat_this, small, as its authors publish it, with weights that learned nothing."""
    torch.manual_seed(2024)
    sizes = {"transformer_dim": 32, "n_layers": 1, "stem_dim": 8, "head_dim": 8}
    weights = {f"model.{name}": value for name, value in BeatThis(**sizes).state_dict().items()}
    torch.save({"hyper_parameters": {**sizes, "lr": 0.0008}, "state_dict": weights}, path)
    return path
