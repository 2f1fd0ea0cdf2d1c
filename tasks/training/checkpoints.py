"""Checkpoints: the whole state of a training after an epoch, in one safetensors file, from which it resumes exactly."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from storage.files import atomic_path
from tasks.networks.base import RoleNetwork
from tasks.networks.cell_head import CellHead


@dataclass
class TrainingHistory:
    """The history of a training: epochs done, best score and when, loss and validation score of each epoch."""

    epoch: int = 0
    best: float = -1.0
    best_epoch: int = 0
    losses: list[float] = field(default_factory=list)
    validation_pr_auc: list[float] = field(default_factory=list)


@dataclass
class TrainingState:
    """All that a training changes: the weights, their average and the best ones, the optimiser, generators, history.

    `head` is what a training from parts adds to the network and drops in the end.
    """

    network: RoleNetwork
    head: CellHead | None
    average: nn.Module
    kept: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    random: torch.Generator
    history: TrainingHistory


def save_checkpoint(path: Path, state: TrainingState, purpose: str) -> None:
    """Write the state, whole or not at all; `purpose` says what is being trained, and from what."""
    tensors = {
        **_under("network", state.network.state_dict()),
        **_under("head", state.head.state_dict() if state.head is not None else {}),
        **_under("average", state.average.state_dict()),
        **_under("kept", state.kept),
        **_under("optimiser", _flat(state.optimiser)),
        "random/draws": state.random.get_state(),
        "random/processor": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        tensors["random/card"] = torch.cuda.get_rng_state()
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(plain, temporary, {"course": json.dumps(asdict(state.history)), "purpose": purpose})


def load_checkpoint(path: Path, state: TrainingState, purpose: str) -> bool:
    """Put a saved state back; False, and nothing changed, if there is none for this purpose.

    One that was saved on another kind of device goes on with other draws, since generators differ.
    """
    if not path.exists():
        return False
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        if metadata["purpose"] != purpose:
            return False
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state.network.load_state_dict(_below("network", tensors))
    if state.head is not None:
        state.head.load_state_dict(_below("head", tensors))
    state.average.load_state_dict(_below("average", tensors))
    state.kept = _below("kept", tensors)
    _restore(state.optimiser, _below("optimiser", tensors))
    if tensors["random/draws"].shape == state.random.get_state().shape:
        state.random.set_state(tensors["random/draws"])
    torch.set_rng_state(tensors["random/processor"])
    if "random/card" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random/card"])
    state.history = TrainingHistory(**json.loads(metadata["course"]))
    return True


def _under(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{name}/{key}": value for key, value in tensors.items()}


def _below(name: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _flat(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimiser.state_dict()["state"]
    return {f"{place}/{name}": torch.as_tensor(value) for place, held in state.items() for name, value in held.items()}


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        place, name = key.split("/", 1)
        state.setdefault(int(place), {})[name] = value
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
