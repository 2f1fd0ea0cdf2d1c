"""Sweeps: many trainings described in one file, each with the same budget of time on one core."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Final, TypeVar

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationInfo, field_validator

from tasks.datasets.toml_files import find_description, read_description
from tasks.networks import NETWORKS, POOLINGS, WIDTHS, NetworkConfig, channels_last
from tasks.training.fitting import TrainingRequest
from tasks.training.loop import TrainingConfig
from tasks.training.losses import LOSSES, BinaryCrossEntropy

_TRIED_STEPS: Final = 3
_EPOCHS: Final = 5
_COMPOSING_S: Final = 1.0e-3
"""Processor seconds that composing a row takes, about."""


_KNOWN: Final[Mapping[str, Collection[str]]] = {
    "networks": NETWORKS,
    "widths": NETWORKS,
    "poolings": POOLINGS,
    "losses": LOSSES,
}

Names = TypeVar("Names", tuple[str, ...], dict[str, int])


class Sweep(BaseModel):
    """Every network with every pooling and every loss, and the best of them again with other seeds.

    `seconds` is the processor time that each training may take; `widths` are those of the package unless named.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    networks: tuple[str, ...] = Field(tuple(NETWORKS), min_length=1)
    poolings: tuple[str, ...] = Field(("max", "auto"), min_length=1)
    losses: tuple[str, ...] = Field(("bce", "focal"), min_length=1)
    widths: dict[str, PositiveInt] = {}
    seconds: float = Field(60.0, gt=0)
    batch_size: int = Field(32, ge=2)
    seed: NonNegativeInt = 1
    best: int = Field(3, ge=0)
    best_seeds: tuple[NonNegativeInt, ...] = (2, 3)

    @field_validator("networks", "poolings", "losses", "widths")
    @classmethod
    def _known(cls, names: Names, info: ValidationInfo) -> Names:
        known = _KNOWN[str(info.field_name)]
        unknown = set(names) - set(known)
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(sorted(known))}")
        return names


def find_sweep(name: str) -> Path:
    """The file of a sweep: a path as it is, or the name of a shipped one; raises UserError naming those."""
    return find_description(name, "sweep")


def read_sweep(path: Path) -> Sweep:
    """Read and check a sweep; raises UserError naming the file and the first thing wrong with it."""
    return read_description(path, Sweep, "sweep")


def first_round(sweep: Sweep, dataset: str, frames: int, mels: int, roles: int) -> list[TrainingRequest]:
    """One training for each combination; networks that cost more a step get fewer steps."""
    requests = []
    for network, pooling, loss in product(sweep.networks, sweep.poolings, sweep.losses):
        config = NetworkConfig(network, pooling, mels, roles, sweep.widths.get(network, WIDTHS[network]))
        steps = max(1, round(sweep.seconds / _step_s(config, frames, sweep.batch_size) / _EPOCHS))
        training = TrainingConfig(
            loss=loss, epochs=_EPOCHS, steps=steps, batch_size=sweep.batch_size, patience=_EPOCHS, seed=sweep.seed
        )
        requests.append(TrainingRequest(dataset, network, pooling, config.width, training))
    return requests


def second_round(sweep: Sweep, requests: list[TrainingRequest], scores: list[float]) -> list[TrainingRequest]:
    """The best of the first round again, with other seeds; ties go to the earlier request."""
    ranked = sorted(zip(scores, requests, strict=True), key=lambda pair: -pair[0])[: sweep.best]
    return [
        replace(request, training=replace(request.training, seed=seed))
        for _, request in ranked
        for seed in sweep.best_seeds
    ]


def _step_s(config: NetworkConfig, frames: int, rows: int) -> float:
    """Processor seconds of one training step, tried out."""
    network = channels_last(config.build())
    batch, wanted = torch.zeros(rows, frames, config.mels), torch.zeros(rows, config.roles)
    spent = []
    for _ in range(_TRIED_STEPS):
        began = time.process_time()
        torch.autograd.backward(BinaryCrossEntropy()(network(batch), wanted))
        spent.append(time.process_time() - began)
    return min(spent) + rows * _COMPOSING_S
