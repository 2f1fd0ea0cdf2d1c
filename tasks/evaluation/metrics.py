"""Metrics of role probabilities (PR-AUC, ROC-AUC, F1, balanced accuracy), with naive baselines beside them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from storage.vocabulary import COMMON_ROLES, ROLES

Labels = NDArray[np.float32]


@dataclass(frozen=True)
class RoleScore:
    """How well one role is recognised; NaN where the labels know only one answer.

    `pr_auc` is to be read beside `prevalence` (what guessing reaches), `f1` and `accuracy` beside those of
    saying that the role is always on; always-on has a balanced accuracy of one half.
    """

    role: str
    segments: int
    prevalence: float
    pr_auc: float
    roc_auc: float
    balanced_accuracy: float
    accuracy: float
    f1: float
    always_on_accuracy: float
    always_on_f1: float

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, NaN as null."""
        return {name: None if value != value else value for name, value in asdict(self).items()}


def score_roles(labels: Labels, probabilities: Labels, thresholds: dict[str, float]) -> list[RoleScore]:
    """One score for each role; `labels` (n, roles) hold 1, 0, or -1 where the truth is unknown and is left out."""
    return [
        _score(role, labels[:, place], probabilities[:, place], thresholds[role]) for place, role in enumerate(ROLES)
    ]


def macro(scores: list[RoleScore], measure: str, roles: tuple[str, ...] = COMMON_ROLES) -> float:
    """The mean of a measure over roles, those without a value left out."""
    values = [getattr(score, measure) for score in scores if score.role in roles]
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def macro_pr_auc(labels: Labels, probabilities: Labels) -> float:
    """Mean PR-AUC over the roles that occur in the labels, unknown cells left out."""
    values = []
    for place in range(labels.shape[1]):
        known = labels[:, place] >= 0
        if 0 < labels[known, place].sum() < known.sum():
            values.append(average_precision_score(labels[known, place], probabilities[known, place]))
    return float(np.mean(values)) if values else float("nan")


def common_pr_auc(labels: Labels, probabilities: Labels) -> float:
    """Mean PR-AUC over the five common roles, as in earlier work; unknown cells left out."""
    places = [place for place, role in enumerate(ROLES) if role in COMMON_ROLES]
    return macro_pr_auc(labels[:, places], probabilities[:, places])


def common_roc_auc(labels: Labels, probabilities: Labels) -> float:
    """Mean ROC-AUC over the five common roles; unknown cells left out."""
    return macro(score_roles(labels, probabilities, dict.fromkeys(ROLES, 0.5)), "roc_auc")


def kinds_of(mix_ids: Sequence[str]) -> NDArray[np.str_]:
    """The kind of each row of a data set, as its id says: mix, loop, cut of a composition, oneshot."""
    return np.array([mix_id.split("-", 1)[0] for mix_id in mix_ids])


def selection_score(mix_ids: Sequence[str], labels: Labels, probabilities: Labels) -> float:
    """The score by which training chooses an epoch: the mean over kinds of material of the macro PR-AUC over roles."""
    kinds = kinds_of(mix_ids)
    scores = [macro_pr_auc(labels[kinds == kind], probabilities[kinds == kind]) for kind in np.unique(kinds)]
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def best_threshold(kinds: Sequence[tuple[Labels, Labels]]) -> float:
    """The threshold of one role, in hundredths, at which balanced accuracy is highest; 0.5 without evidence.

    `kinds` has labels (n,) and probabilities (n,) apart for each kind of material, and each kind counts the same.
    Only a quarter to three quarters are tried: what asks for more than that is the validation set, not the role.
    """
    grid = np.arange(25, 76) / 100
    curves = []
    for labels, probabilities in kinds:
        known = labels >= 0
        wanted, given = labels[known] > 0.5, probabilities[known]
        if 0 < wanted.sum() < len(wanted):
            curves.append([_balanced(wanted, given >= threshold) for threshold in grid])
    if not curves:
        return 0.5
    scores = np.mean(curves, axis=0)
    best = np.flatnonzero(scores >= scores.max() - 1e-9)
    return round(float(grid[best[len(best) // 2]]), 2)


def _score(role: str, labels: Labels, probabilities: Labels, threshold: float) -> RoleScore:
    known = labels >= 0
    wanted, given = labels[known] > 0.5, probabilities[known]
    total, positives = len(wanted), int(wanted.sum())
    if total == 0:
        nan = float("nan")
        return RoleScore(role, 0, nan, nan, nan, nan, nan, nan, nan, nan)
    both = 0 < positives < total
    said = given >= threshold
    hits = int((said & wanted).sum())
    return RoleScore(
        role=role,
        segments=total,
        prevalence=positives / total,
        pr_auc=float(average_precision_score(wanted, given)) if positives else float("nan"),
        roc_auc=float(roc_auc_score(wanted, given)) if both else float("nan"),
        balanced_accuracy=_balanced(wanted, said) if both else float("nan"),
        accuracy=float((said == wanted).mean()),
        f1=2 * hits / max(1, int(said.sum()) + positives),
        always_on_accuracy=positives / total,
        always_on_f1=2 * positives / (total + positives),
    )


def _balanced(wanted: NDArray[np.bool_], said: NDArray[np.bool_]) -> float:
    return 0.5 * float(said[wanted].mean()) + 0.5 * float((~said[~wanted]).mean())


def summarise(labels: Labels, probabilities: Labels, thresholds: dict[str, float]) -> dict[str, Any]:
    """All scores as JSON: macro over the five common roles, and every role beside them."""
    scores = score_roles(labels, probabilities, thresholds)
    macros = {f"macro_{measure}": finite_or_none(macro(scores, measure)) for measure in _MACROS}
    return {"segments": len(labels), **macros, "roles": {score.role: score.to_dict() for score in scores}}


_MACROS = (
    "prevalence",
    "pr_auc",
    "roc_auc",
    "balanced_accuracy",
    "accuracy",
    "f1",
    "always_on_accuracy",
    "always_on_f1",
)


def finite_or_none(value: float) -> float | None:
    """A score for JSON, which has no NaN."""
    return None if value != value else value
