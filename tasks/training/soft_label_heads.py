"""Soft labels: small heads from pretrained features to roles, trained so that no row is labelled by its own head."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.evaluation.metrics import Labels
from tasks.training.batch_mixing import row_weights
from tasks.training.loop import rate_at
from tasks.training.losses import BinaryCrossEntropy

_HIDDEN: Final = 256
_DROPPED: Final = 0.5
_EPOCHS: Final = 12
_BATCH: Final = 128
_LEAST_STEPS: Final = 200
_RATE: Final = 2e-3
_DECAY: Final = 1e-2
_FOLDS: Final = 2
_SEEDS: Final = 2
_SHARES: Final = {"mix": 0.7, "loop": 0.2, "cut": 0.1, "oneshot": 0.05}
"""How often a head sees each kind of row."""

Answer = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def out_of_fold_answers(
    features: NDArray[np.float32], labels: Labels, mix_ids: Sequence[str], learns: NDArray[np.bool_], seed: int
) -> NDArray[np.float32]:
    """Probabilities (n, roles) for every row, none of them from a head that has learned from that row.

    `features` is (n, features), `labels` (n, roles), -1 where nobody knows; `learns` (n,) says which rows may be
    learned from. These are answered by heads that learned from the other half of them, all others by heads that
    learned from all of them.
    """
    random = np.random.default_rng(seed)
    fold = np.where(learns, random.integers(_FOLDS, size=len(labels)), -1)
    answers = np.zeros(labels.shape, np.float32)
    for held_out in np.unique(fold):
        rows, asked = learns & (fold != held_out), fold == held_out
        heads = [
            fit_head(
                features[rows], labels[rows], [mix_ids[row] for row in np.flatnonzero(rows).tolist()], seed + number
            )
            for number in range(_SEEDS)
        ]
        answers[asked] = np.mean([head(features[asked]) for head in heads], axis=0)
    return answers


def fit_head(features: NDArray[np.float32], labels: Labels, mix_ids: Sequence[str], seed: int) -> Answer:
    """Learn from rows; returns what answers others: features (n, features) to probabilities (n, roles)."""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3

    def seen(rows: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(((rows - mean) / deviation).clip(-5, 5).astype(np.float32))

    torch.manual_seed(seed)
    head = nn.Sequential(
        nn.Dropout(_DROPPED),
        nn.Linear(features.shape[1], _HIDDEN),
        nn.ReLU(),
        nn.Dropout(_DROPPED),
        nn.Linear(_HIDDEN, labels.shape[1]),
        nn.Sigmoid(),
    )
    _learn(head, seen(features), torch.from_numpy(labels), torch.from_numpy(row_weights(mix_ids, _SHARES)), seed)

    def answer(rows: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            given: NDArray[np.float32] = head(seen(rows)).numpy()
        return given

    return answer


def _learn(head: nn.Module, rows: Tensor, labels: Tensor, weights: Tensor, seed: int) -> None:
    optimiser = torch.optim.AdamW(head.parameters(), _RATE, weight_decay=_DECAY)
    random, loss = torch.Generator().manual_seed(seed), BinaryCrossEntropy()
    steps = max(_LEAST_STEPS, _EPOCHS * len(rows) // _BATCH)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATE * rate_at(step / steps)
        chosen = torch.multinomial(weights, _BATCH, replacement=True, generator=random)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss(head(rows[chosen]), labels[chosen]))
        optimiser.step()
    head.eval()
