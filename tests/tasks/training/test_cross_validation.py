from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock
from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.datasets.recipe import SplitRules
from tasks.features.mel_config import MelConfig
from tasks.training.cross_validation import (
    Fold,
    answer_fold,
    decide_by_other_folds,
    make_folds,
    pooled,
    score_kinds,
    score_maps,
)
from tasks.training.fitting import TrainingRequest
from tasks.training.loop import TrainingConfig

RULES = SplitRules(train_only=("made*",))
ROWS = st.lists(
    st.tuples(st.sets(st.sampled_from(["a", "b", "c", "d", "made1", "made2"]), min_size=1), st.sampled_from(ROLES)),
    max_size=30,
)


def material(rows: list[tuple[set[str], str]]) -> tuple[Examples, dict[str, frozenset[str]]]:
    """Rows of so many units and one role each, and four groups at least."""
    rows = [*rows, *(({unit}, "bass") for unit in "abcd")]
    ids = [f"{'loop' if len(units) == 1 else 'mix'}-{number}" for number, (units, _) in enumerate(rows)]
    labels = np.array([[one == role for one in ROLES] for _, role in rows], np.float32)
    mels = np.random.default_rng(0).normal(-6, 2, (len(rows), 256, 16)).astype(np.float16)
    units = {mix_id: frozenset(units) for mix_id, (units, _) in zip(ids, rows, strict=True)}
    return Examples(mels, labels, ids), units


@given(ROWS, st.integers(2, 4))
def test_nothing_of_what_a_fold_holds_out_is_learned(rows: list[tuple[set[str], str]], count: int) -> None:
    examples, units = material(rows)
    for fold in make_folds(examples, units, RULES, count):
        learned = set().union(*(units[examples.mix_ids[row]] for row in fold.learned))
        held = set().union(*(units[examples.mix_ids[row]] for row in fold.held))
        assert held <= set(fold.units)
        assert not learned & set(fold.units)


@given(ROWS, st.integers(2, 4))
def test_every_loop_that_may_be_evidence_is_held_out_once_and_the_others_never(
    rows: list[tuple[set[str], str]], count: int
) -> None:
    examples, units = material(rows)
    times = Counter(examples.mix_ids[row] for fold in make_folds(examples, units, RULES, count) for row in fold.held)
    for mix_id, groups in units.items():
        if len(groups) == 1:
            assert times[mix_id] == (0 if groups & {"made1", "made2"} else 1)


def test_the_same_loops_are_dealt_alike_whatever_mixes_are_made_of_them() -> None:
    loops = [({f"song{number}"}, role) for number in range(9) for role in ROLES[: 1 + number % 6]]
    mixes = [({f"song{number}"}, role) for number in (1, 5) for role in ROLES] * 20
    alone, mixed = material(loops), material([*mixes, *loops])
    names = {mix_id: mix_id.replace("loop", "mix") for mix_id in mixed[0].mix_ids[: len(mixes)]}
    renamed = replace(mixed[0], mix_ids=[names.get(mix_id, mix_id) for mix_id in mixed[0].mix_ids])
    units = {names.get(mix_id, mix_id): groups for mix_id, groups in mixed[1].items()}
    with_mixes = make_folds(renamed, units, RULES, 3)
    assert [fold.units for fold in make_folds(*alone, RULES, 3)] == [fold.units for fold in with_mixes]


def test_every_fold_has_its_share_of_every_role() -> None:
    rows = [({f"song{number}"}, role) for number in range(40) for role in ROLES]
    examples, units = material(rows)
    for fold in make_folds(examples, units, RULES, 4):
        for place in range(len(ROLES)):
            assert 8 <= examples.labels[fold.held][:, place].sum() <= 14


def test_more_folds_than_groups_are_refused() -> None:
    examples, units = material([])
    with pytest.raises(UserError, match="5 folds need as many groups of loops to hold out, and there are 4"):
        make_folds(examples, units, RULES, 5)


def test_the_test_side_and_a_teachers_answers_are_left_out() -> None:
    train, _ = material([])
    with_soft_labels = replace(train, soft_labels=np.ones_like(train.labels))
    both = pooled({"train": with_soft_labels, "validation": train, "test": train})
    assert (len(both.mels), len(both.labels), both.soft_labels) == (8, 8, None)
    assert both.mix_ids == train.mix_ids * 2


def test_answers_to_held_rows_do_not_depend_on_what_these_are(small_lock: DatasetLock) -> None:
    examples, units = material([({unit}, role) for unit in "abcd" for role in ROLES])
    training = TrainingConfig(epochs=2, steps=2, batch_size=4)
    request = TrainingRequest("small", "separable", "max", 4, training)
    fold = make_folds(examples, units, RULES, 2)[0]
    answers = answer_fold(request, small_lock, examples, fold)
    others = examples.labels.copy()
    others[fold.held] = 1 - others[fold.held]
    assert answers.shape == (len(fold.held), len(ROLES))
    np.testing.assert_array_equal(answer_fold(request, small_lock, replace(examples, labels=others), fold), answers)


@pytest.fixture
def small_lock() -> DatasetLock:
    mel = {**MelConfig().__dict__, "mels": 16}
    return DatasetLock("small", "d", {}, "r", "p", mel, "m", 1, {}, 0, 0, 0, {}, {}, {}, {}, [], [], {})


def test_scores_are_apart_for_each_kind_and_right_is_of_single_loops() -> None:
    labels = np.eye(6, dtype=np.float32)
    answers = np.array(np.roll(labels, 1, axis=0) * 0.5)
    answers[:3] = labels[:3]
    found = score_kinds(["loop-1", "loop-2", "loop-3", "loop-4", "mix-1", "mix-2"], labels, answers)
    assert found["right"] == 0.75
    assert found["cut"] is None
    assert 0 < found["mix"] < found["loop"] < 1


def test_decisions_on_held_rows_follow_the_other_folds_alone() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((300, 6)) < 0.5).astype(np.float32)
    answers = (0.1 + 0.2 * labels + 0.05 * rng.random(labels.shape)).astype(np.float32)
    examples = Examples(np.zeros((300, 1, 1), np.float16), labels, [f"cut-{row}" for row in range(300)])
    rows = np.split(np.arange(300), 3)
    folds = [Fold((), np.empty(0, np.int64), held) for held in rows]
    parts = [answers[held] for held in rows]
    decided = decide_by_other_folds(examples, folds, parts)
    np.testing.assert_array_equal(np.concatenate(decided), labels)
    turned = replace(examples, labels=np.concatenate([1 - labels[:100], labels[100:]]))
    np.testing.assert_array_equal(decide_by_other_folds(turned, folds, parts)[0], decided[0])


def test_maps_are_scored_over_the_common_roles_of_cuts() -> None:
    labels = np.repeat(np.array([[1.0], [0.0]], np.float32), 6, axis=1)
    answers = np.array([[0.6] * 6, [0.4] * 6], np.float32)
    decided = np.array([[1.0] * 6, [0.0] * 4 + [1.0] * 2], np.float32)
    found = score_maps(["cut-1", "cut-2", "loop-1"], *(np.vstack([one, one[:1]]) for one in (labels, answers, decided)))
    assert found == {"cut_roc_auc": 1.0, "cut_balanced_accuracy": pytest.approx(0.9)}
    assert score_maps(["mix-1", "mix-2"], labels, answers, decided)["cut_roc_auc"] is None
