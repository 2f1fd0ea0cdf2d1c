"""Training a role network: one loop in plain PyTorch, the same on a processor and on a graphics card."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from storage.datasets import Examples
from tasks.composing import Composer
from tasks.inference import predict
from tasks.metrics import macro_pr_auc
from tasks.networks import NetworkConfig

_EPSILON: Final = 1e-6


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: epochs of so many steps, rows a step, peak learning rate, seed.

    `patience` epochs without a better validation macro PR-AUC end the training early; `averaging` is the decay
    of the moving average of the weights that is kept.
    """

    epochs: int = 40
    steps: int = 100
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 2e-2
    patience: int = 12
    averaging: float = 0.99
    seed: int = 2026


@dataclass
class TrainedNetwork:
    """A trained network with the course of its training: one entry an epoch."""

    network: nn.Module
    losses: list[float] = field(default_factory=list)
    validation_pr_auc: list[float] = field(default_factory=list)


def train_network(
    config: NetworkConfig,
    training: TrainingConfig,
    train: Examples,
    validation: Examples,
    report: Callable[[int, float, float], None],
) -> TrainedNetwork:
    """Train on one split, stop by the other; `report` hears of each epoch: number, loss, validation macro PR-AUC."""
    torch.manual_seed(training.seed)
    random = torch.Generator().manual_seed(training.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = config.build().to(device)
    average = deepcopy(network).eval()
    composer = Composer(train, device, random)
    optimiser = torch.optim.AdamW(network.parameters(), training.learning_rate, weight_decay=training.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, training.learning_rate, total_steps=training.steps * training.epochs, pct_start=0.1
    )
    result = TrainedNetwork(average)
    best, best_epoch = -1.0, 0
    kept = deepcopy(average.state_dict())
    for epoch in range(training.epochs):
        network.train()
        losses = []
        for _ in range(training.steps):
            batch, wanted = composer.draw(training.batch_size)
            loss = _loss(network(batch), wanted)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            _follow(average, network, training.averaging)
            losses.append(float(loss.detach()))
        score = macro_pr_auc(validation.labels, predict(average, validation.mels))
        result.losses.append(float(np.mean(losses)))
        result.validation_pr_auc.append(score)
        report(epoch, result.losses[-1], score)
        if score > best:
            best, best_epoch, kept = score, epoch, deepcopy(average.state_dict())
        elif epoch - best_epoch >= training.patience:
            break
    average.load_state_dict(kept)
    result.network = average.cpu()
    return result


def _loss(given: Tensor, wanted: Tensor) -> Tensor:
    """Binary cross-entropy over the cells that are known."""
    known = wanted >= 0
    return nn.functional.binary_cross_entropy(given[known].clamp(_EPSILON, 1 - _EPSILON), wanted[known])


def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    with torch.no_grad():
        for kept, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)
