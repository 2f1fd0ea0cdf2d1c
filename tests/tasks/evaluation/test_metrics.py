import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, average_precision_score, balanced_accuracy_score, f1_score, roc_auc_score

from storage.vocabulary import COMMON_ROLES, ROLES
from tasks.evaluation.metrics import best_threshold, macro, macro_pr_auc, score_roles, summarise

RANDOM = np.random.default_rng(3)
LABELS = RANDOM.choice([-1, 0, 1], (400, len(ROLES)), p=[0.2, 0.5, 0.3]).astype(np.float32)
PROBABILITIES = np.clip(0.3 * LABELS + 0.5 * RANDOM.random(LABELS.shape), 0, 1).astype(np.float32)
THRESHOLDS = {role: 0.3 + 0.05 * place for place, role in enumerate(ROLES)}


@pytest.mark.parametrize("place", range(len(ROLES)))
def test_every_score_is_sklearns_over_the_known_cells(place: int) -> None:
    score = score_roles(LABELS, PROBABILITIES, THRESHOLDS)[place]
    known = LABELS[:, place] >= 0
    wanted, given_ = LABELS[known, place], PROBABILITIES[known, place]
    said = given_ >= THRESHOLDS[ROLES[place]]
    assert score.role == ROLES[place]
    assert score.segments == known.sum()
    assert score.prevalence == pytest.approx(wanted.mean())
    assert score.pr_auc == pytest.approx(average_precision_score(wanted, given_))
    assert score.roc_auc == pytest.approx(roc_auc_score(wanted, given_))
    assert score.balanced_accuracy == pytest.approx(balanced_accuracy_score(wanted, said))
    assert score.accuracy == pytest.approx(accuracy_score(wanted, said))
    assert score.f1 == pytest.approx(f1_score(wanted, said))
    assert score.always_on_accuracy == pytest.approx(accuracy_score(wanted, np.ones_like(wanted)))
    assert score.always_on_f1 == pytest.approx(f1_score(wanted, np.ones_like(wanted)))


def test_an_unknown_cell_changes_nothing_whatever_was_answered_there() -> None:
    other = np.where(LABELS < 0, 1 - PROBABILITIES, PROBABILITIES)
    assert score_roles(LABELS, other, THRESHOLDS) == score_roles(LABELS, PROBABILITIES, THRESHOLDS)
    assert macro_pr_auc(LABELS, other) == macro_pr_auc(LABELS, PROBABILITIES)


def test_a_role_without_both_answers_has_no_value_and_is_left_out_of_the_mean() -> None:
    labels = LABELS.copy()
    labels[:, 0], labels[:, 1] = 0, -1
    scores = score_roles(labels, PROBABILITIES, THRESHOLDS)
    assert np.isnan(scores[0].roc_auc)
    assert (scores[1].segments, scores[1].to_dict()["pr_auc"]) == (0, None)
    assert macro(scores, "roc_auc") == pytest.approx(np.mean([score.roc_auc for score in scores[2:5]]))
    assert macro_pr_auc(labels, PROBABILITIES) == pytest.approx(np.mean([score.pr_auc for score in scores[2:]]))


def test_the_macro_is_over_the_five_common_roles() -> None:
    scores = score_roles(LABELS, PROBABILITIES, THRESHOLDS)
    common = [score.f1 for score in scores if score.role in COMMON_ROLES]
    assert len(common) == 5
    assert macro(scores, "f1") == pytest.approx(np.mean(common))
    assert summarise(LABELS, PROBABILITIES, THRESHOLDS)["macro_f1"] == pytest.approx(np.mean(common))


def test_nothing_known_at_all_has_no_macro() -> None:
    summary = summarise(np.full_like(LABELS, -1), PROBABILITIES, THRESHOLDS)
    assert summary["macro_pr_auc"] is None
    assert summary["segments"] == len(LABELS)


def test_the_best_threshold_parts_what_can_be_parted() -> None:
    labels = np.array([0, 0, 0, 1, 1, -1], np.float32)
    probabilities = np.array([0.1, 0.2, 0.3, 0.7, 0.9, 0.0], np.float32)
    assert 0.3 < best_threshold([(labels, probabilities)]) <= 0.7


def test_each_kind_of_material_counts_the_same_however_much_there_is_of_it() -> None:
    few = (np.array([0, 1], np.float32), np.array([0.3, 0.4], np.float32))
    many = (np.tile(np.array([0, 1], np.float32), 50), np.tile(np.array([0.3, 0.4], np.float32), 50))
    other = (np.array([0, 1, 0, 1], np.float32), np.array([0.1, 0.38, 0.1, 0.38], np.float32))
    assert best_threshold([few, other]) == best_threshold([many, other])


@settings(max_examples=25)
@given(st.lists(st.tuples(st.sampled_from([-1, 0, 1]), st.integers(0, 127)), min_size=1, max_size=40))
def test_no_threshold_in_hundredths_beats_the_best(rows: list[tuple[int, int]]) -> None:
    labels, probabilities = np.array([(label, (2 * step + 1) / 256) for label, step in rows], np.float32).T
    best = best_threshold([(labels, probabilities)])
    known = labels >= 0
    if set(labels[known]) != {0, 1}:
        assert best == 0.5
        return

    def balanced(threshold: float) -> float:
        return float(balanced_accuracy_score(labels[known], probabilities[known] >= threshold))

    assert balanced(best) >= max(balanced(hundredths / 100) for hundredths in range(25, 76)) - 1e-6
