"""Scores apart for kinds of material, each named with the patterns of its groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from storage.errors import UserError
from storage.models import ModelCard
from tasks.evaluation.metrics import finite_or_none, macro_pr_auc
from tasks.evaluation.model_scores import Evaluation, score_rows


@dataclass(frozen=True)
class NamedGroups:
    """A kind of material, such as real music, and patterns like `evr_*` that its groups match."""

    name: str
    patterns: tuple[str, ...]

    def holds(self, group: str) -> bool:
        """Whether a group is of this kind."""
        return any(fnmatchcase(group, pattern) for pattern in self.patterns)


def read_named_groups(text: str) -> NamedGroups:
    """`real=evr_*,lmms_*` as a name and patterns; raises UserError if it is none."""
    name, equals, patterns = text.partition("=")
    given = tuple(pattern.strip() for pattern in patterns.split(",") if pattern.strip())
    if not name.strip() or not equals or not given:
        raise UserError(f"--apart {text!r}: write a name and patterns of groups, such as 'real=evr_*,lmms_*'")
    return NamedGroups(name.strip(), given)


def score_apart(evaluation: Evaluation, card: ModelCard, kinds: Sequence[NamedGroups]) -> list[dict[str, Any]]:
    """One row of scores a kind, in their order; raises UserError naming a kind of which there is nothing.

    `right` is the share of rows with one role and no unknown one whose likeliest role it is. PR-AUC is over all roles,
    ROC-AUC and balanced accuracy over all but vocal, which stands beside them with fx.
    """
    rows = []
    for kind in kinds:
        chosen = np.array([kind.holds(group) for group in evaluation.rows.groups])
        if not chosen.any():
            raise UserError(f"no group that was scored is like {', '.join(kind.patterns)} ({kind.name})")
        labels, answers = evaluation.rows.labels[chosen], evaluation.answers[chosen]
        scores = score_rows(labels, answers, card)
        rows.append(
            {
                "kind": kind.name,
                "groups": len({group for group in evaluation.rows.groups if kind.holds(group)}),
                "segments": len(labels),
                "right": scores["single_role_accuracy"],
                "of": scores["single_role_rows"],
                "pr_auc": finite_or_none(macro_pr_auc(labels, answers)),
                "roc_auc": scores["macro_roc_auc"],
                "balanced_accuracy": scores["macro_balanced_accuracy"],
                **{f"{role}_roc_auc": scores["roles"][role]["roc_auc"] for role in ("fx", "vocal")},
            }
        )
    return rows
