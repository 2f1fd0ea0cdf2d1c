import numpy as np
import pytest
import torch

from storage.datasets import Examples
from storage.vocabulary import ROLES
from tasks.inference import predict
from tasks.mel import MelConfig
from tasks.metrics import macro_pr_auc
from tasks.networks import NetworkConfig
from tasks.training import TrainedNetwork, TrainingConfig, train_network

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
NETWORK = NetworkConfig("separable", "auto", MELS, len(ROLES), width=4)
BRIEF = TrainingConfig(epochs=2, steps=2, batch_size=8)


def examples(seed: int, rows: int = 60) -> Examples:
    """A role is energy in a tenth of the spectrum; a row has one role, or two, over noise."""
    random = np.random.default_rng(seed)
    labels = np.zeros((rows, len(ROLES)), np.float32)
    mels = np.maximum(random.normal(-11, 1, (rows, FRAMES, MELS)), -13.8).astype(np.float16)
    for row in range(rows):
        for role in {row % len(ROLES), random.integers(len(ROLES)) if row % 3 == 0 else row % len(ROLES)}:
            labels[row, role] = 1
            mels[row, :, 10 * role + 3 : 10 * role + 8] = random.normal(-2, 1, (FRAMES, 5))
    return Examples(mels, labels, [str(row) for row in range(rows)])


def train(training: TrainingConfig, heard: list[tuple[int, float, float]] | None = None) -> TrainedNetwork:
    reports = [] if heard is None else heard
    return train_network(NETWORK, training, examples(1), examples(2), lambda *told: reports.append(told))


@pytest.mark.slow
def test_bands_of_energy_are_learned_in_seconds() -> None:
    trained = train(TrainingConfig(epochs=6, steps=40, batch_size=16, averaging=0.9))
    unseen = examples(3)
    assert macro_pr_auc(unseen.labels, predict(trained.network, unseen.mels)) > 0.9
    assert trained.losses[-1] < trained.losses[0]


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    first, again = train(BRIEF), train(BRIEF)
    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name])
    other = train(TrainingConfig(epochs=2, steps=2, batch_size=8, seed=1))
    assert not np.array_equal(predict(first.network, examples(3).mels), predict(other.network, examples(3).mels))


def test_every_epoch_is_reported() -> None:
    heard: list[tuple[int, float, float]] = []
    trained = train(BRIEF, heard)
    assert heard == [
        (epoch, loss, score)
        for epoch, (loss, score) in enumerate(zip(trained.losses, trained.validation_pr_auc, strict=True))
    ]
    assert len(heard) == 2


def test_training_ends_when_validation_stops_getting_better() -> None:
    trained = train(TrainingConfig(epochs=50, steps=1, batch_size=8, learning_rate=1e-12, patience=2))
    assert len(trained.losses) < 50


def test_the_best_epoch_is_kept() -> None:
    trained = train(TrainingConfig(epochs=4, steps=4, batch_size=8))
    validation = examples(2)
    score = macro_pr_auc(validation.labels, predict(trained.network, validation.mels))
    assert score == pytest.approx(max(trained.validation_pr_auc), abs=1e-6)
