from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from storage.datasets.examples import Examples
from storage.vocabulary import ROLES
from tasks.evaluation.metrics import macro_pr_auc, selection_score
from tasks.features.mel_config import MelConfig
from tasks.networks import NetworkConfig
from tasks.networks.inference import predict
from tasks.training.loop import Teacher, TrainedNetwork, TrainingConfig, rate_at, train_network

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
    return Examples(mels, labels, [f"loop-{row}" for row in range(rows)])


def train(
    training: TrainingConfig,
    reported: list[tuple[int, float, float]] | None = None,
    checkpoint: Path | None = None,
    teacher: Teacher | None = None,
    start: TrainedNetwork | None = None,
) -> TrainedNetwork:
    reports = [] if reported is None else reported

    def report(*values: Any) -> None:
        reports.append(values)

    return train_network(
        NETWORK,
        training,
        MelConfig(),
        examples(1),
        examples(2),
        report,
        checkpoint=checkpoint,
        teacher=teacher,
        start=start.network.state_dict() if start is not None else None,
    )


def same_weights(one: TrainedNetwork, other: TrainedNetwork) -> bool:
    weights = other.network.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in one.network.state_dict().items())


@pytest.mark.slow
@pytest.mark.usefixtures("only_loops")
def test_bands_of_energy_are_learned_in_seconds() -> None:
    trained = train(TrainingConfig(epochs=4, steps=30, batch_size=16, averaging=0.9, learning_rate=0.01))
    unseen = examples(3)
    assert macro_pr_auc(unseen.labels, predict(trained.network, unseen.mels)) > 0.9
    assert trained.history.losses[-1] < trained.history.losses[0]


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    first, again = train(BRIEF), train(BRIEF)
    assert same_weights(first, again)
    assert not same_weights(first, train(replace(BRIEF, seed=1)))


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    checkpoint = tmp_path / "state.safetensors"
    whole = train(replace(BRIEF, epochs=4))

    class StoppedError(Exception):
        pass

    def stop(epoch: int, loss: float, score: float) -> None:
        if epoch == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_network(
            NETWORK, replace(BRIEF, epochs=4), MelConfig(), examples(1), examples(2), stop, checkpoint=checkpoint
        )
    torch.manual_seed(0)
    reported: list[tuple[int, float, float]] = []
    resumed = train(replace(BRIEF, epochs=4), reported, checkpoint)
    assert [epoch for epoch, _, _ in reported] == [2, 3]
    assert same_weights(resumed, whole)
    assert resumed.history == whole.history


def test_a_training_from_parts_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    from_parts, checkpoint = replace(BRIEF, epochs=3, parts=0.5), tmp_path / "state.safetensors"
    whole = train(from_parts)

    class StoppedError(Exception):
        pass

    def stop(epoch: int, loss: float, score: float) -> None:
        if epoch == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        train_network(NETWORK, from_parts, MelConfig(), examples(1), examples(2), stop, checkpoint=checkpoint)
    torch.manual_seed(0)
    assert same_weights(train(from_parts, checkpoint=checkpoint), whole)


def test_parts_are_learned_by_a_head_that_is_dropped_in_the_end() -> None:
    plain, from_parts = train(BRIEF), train(replace(BRIEF, parts=0.5))
    assert from_parts.network.state_dict().keys() == plain.network.state_dict().keys()
    assert not same_weights(plain, from_parts)


@pytest.mark.slow
@pytest.mark.usefixtures("only_loops")
def test_parts_tell_which_bands_belong_to_which_role() -> None:
    """What the cells add to the loss, beside the labels, falls as the network learns."""
    training = TrainingConfig(epochs=4, steps=15, batch_size=16, learning_rate=0.01, parts=1.0)
    both, labels = train(training).history.losses, train(replace(training, parts=0.0)).history.losses
    assert both[-1] - labels[-1] < 0.75 * (both[0] - labels[0])


def test_a_network_without_an_image_of_bands_cannot_learn_from_parts() -> None:
    with pytest.raises(ValueError, match="MusicnnNetwork has no image of beats and bands"):
        train_network(
            replace(NETWORK, network="musicnn"), replace(BRIEF, parts=0.5), MelConfig(), examples(1), examples(2), print
        )


def test_a_checkpoint_of_another_training_is_not_taken_up(tmp_path: Path) -> None:
    train(BRIEF, checkpoint=tmp_path / "state.safetensors")
    other = replace(BRIEF, seed=1)
    assert same_weights(train(other, checkpoint=tmp_path / "state.safetensors"), train(other))


def test_a_training_that_starts_from_a_model_goes_on_from_its_weights(tmp_path: Path) -> None:
    model, checkpoint = train(BRIEF), tmp_path / "state.safetensors"
    hardly = replace(BRIEF, epochs=1, steps=1, learning_rate=1e-12, averaging=0.0)
    further = train(hardly, start=model, checkpoint=checkpoint)
    for name, weights in model.network.named_parameters():
        torch.testing.assert_close(further.network.get_parameter(name), weights)
    other = train(hardly, checkpoint=checkpoint)
    assert not same_weights(other, further)


def test_what_is_kept_may_lie_between_the_start_and_where_the_training_came() -> None:
    model = train(BRIEF)
    further = replace(BRIEF, epochs=1, learning_rate=0.01)
    far, halfway = train(further, start=model), train(replace(further, stay=0.5), start=model)
    for name, weights in halfway.network.named_parameters():
        ends = model.network.get_parameter(name), far.network.get_parameter(name)
        torch.testing.assert_close(weights, torch.lerp(*ends, 0.5))


def test_a_student_imitates_its_teacher() -> None:
    def teacher(mel: torch.Tensor) -> torch.Tensor:
        return torch.full((len(mel), len(ROLES)), 0.9)

    training = TrainingConfig(epochs=1, steps=25, batch_size=8, averaging=0.0, learning_rate=0.02, imitation=1.0)
    student, alone = train(training, teacher=teacher), train(training)
    segments = examples(3).mels
    assert predict(student.network, segments).mean() > predict(alone.network, segments).mean() + 0.2


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    rates = [rate_at(share) for share in np.linspace(0, 1, 101)]
    assert rates[0] < 0.02
    assert max(rates) == pytest.approx(1.0, abs=1e-3) == pytest.approx(rates[10], abs=1e-3)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] == pytest.approx(0.0, abs=1e-6)


def test_every_epoch_is_reported() -> None:
    reported: list[tuple[int, float, float]] = []
    trained = train(BRIEF, reported)
    assert reported == [
        (epoch, loss, score)
        for epoch, (loss, score) in enumerate(
            zip(trained.history.losses, trained.history.validation_pr_auc, strict=True)
        )
    ]
    assert len(reported) == 2


def test_training_ends_when_validation_stops_getting_better() -> None:
    trained = train(TrainingConfig(epochs=50, steps=1, batch_size=8, learning_rate=1e-12, patience=2))
    assert len(trained.history.losses) < 50


def test_the_best_epoch_is_kept() -> None:
    trained = train(TrainingConfig(epochs=4, steps=4, batch_size=8))
    validation = examples(2)
    score = selection_score(validation.mix_ids, validation.labels, predict(trained.network, validation.mels))
    assert score == pytest.approx(max(trained.history.validation_pr_auc), abs=1e-6)
