from dataclasses import replace

import numpy as np
import pytest

from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.evaluation.metrics import macro_pr_auc
from tasks.evaluation.model_scores import Evaluation, Rows, score_rows
from tasks.evaluation.named_groups import NamedGroups, read_named_groups, score_apart
from tests.support.dummies import card

CARD = replace(card(), thresholds=dict.fromkeys(ROLES, 0.5))


def evaluated(groups: list[str], roles: list[int], heard: list[int]) -> Evaluation:
    """One row a group, of one role, in which another or the same is heard."""
    labels, answers = np.zeros((len(groups), 6), np.float32), np.full((len(groups), 6), 0.1, np.float32)
    labels[np.arange(len(roles)), roles], answers[np.arange(len(heard)), heard] = 1, 0.9
    rows = Rows(np.zeros((len(groups), 1, 1), np.float32), labels, groups, groups, [])
    return Evaluation(score_rows(labels, answers, CARD), {}, groups, [], [], rows, answers)


def test_kinds_are_scored_by_themselves_in_the_order_they_were_named() -> None:
    result = evaluated(["evr_a", "lmms_b", "zyn_c", "zyn_d"], [0, 1, 2, 5], [0, 2, 2, 5])
    kinds = [read_named_groups("presets=zyn_*"), read_named_groups("real = evr_*, lmms_*")]
    presets, real = score_apart(result, CARD, kinds)
    assert (presets["kind"], presets["groups"], presets["segments"], presets["right"]) == ("presets", 2, 2, 1.0)
    assert (real["kind"], real["groups"], real["segments"], real["right"]) == ("real", 2, 2, 0.5)
    assert real["pr_auc"] == macro_pr_auc(result.rows.labels[:2], result.answers[:2])
    assert (presets["fx_roc_auc"], real["vocal_roc_auc"]) == (1.0, None)


@pytest.mark.parametrize("text", ["real", "=evr_*", "real=", "real= , "])
def test_a_kind_without_a_name_or_a_pattern_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="write a name and patterns of groups"):
        read_named_groups(text)


def test_a_kind_of_which_nothing_was_scored_is_named() -> None:
    with pytest.raises(UserError, match=r"no group that was scored is like mod_\* \(modules\)"):
        score_apart(evaluated(["evr_a"], [0], [0]), CARD, [NamedGroups("modules", ("mod_*",))])
