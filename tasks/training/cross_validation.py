"""Cross-validation over whole groups of loops: folds, training on each, scores on the held-out rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock
from storage.datasets.plan import Mix
from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.datasets.recipe import SplitRules
from tasks.datasets.splits import assign_folds
from tasks.evaluation.calibration import calibrate, choose_thresholds, fit_calibration
from tasks.evaluation.metrics import (
    Labels,
    common_roc_auc,
    finite_or_none,
    kinds_of,
    macro,
    macro_pr_auc,
    score_roles,
)
from tasks.evaluation.reliability import confusion
from tasks.features.mel_config import MelConfig
from tasks.networks.inference import predict
from tasks.training.fitting import TrainingRequest, network_config
from tasks.training.loop import train_network

_KINDS: Final = ("mix", "loop", "cut", "oneshot")


@dataclass(frozen=True)
class Fold:
    """Units of loops that are held out together, the rows that have none of them, and the rows that have no others."""

    units: tuple[str, ...]
    learned: NDArray[np.int64]
    held: NDArray[np.int64]


def pooled(splits: Mapping[str, Examples]) -> Examples:
    """The rows that a model may be chosen by, training and validation side; the test side stays untouched.

    A teacher's answers are left out: it has learned from rows of every fold.
    """
    sides = [splits["train"], splits["validation"]]
    shares = [side.shares for side in sides if side.shares is not None]
    units = [side.units for side in sides if side.units is not None]
    return Examples(
        np.concatenate([side.mels for side in sides]),
        np.concatenate([side.labels for side in sides]),
        [mix_id for side in sides for mix_id in side.mix_ids],
        shares=np.concatenate(shares) if len(shares) == len(sides) else None,
        units=[unit for side in units for unit in side] if len(units) == len(sides) else None,
    )


def units_of_rows(made: DatasetLock, mixes: Sequence[Mix], rules: SplitRules) -> dict[str, frozenset[str]]:
    """What each row (by its id) is made of, as units that the rules keep together."""
    unit_of = {loop["loop_id"]: rules.unit_of(loop["group"]) for loop in made.loops}
    return {mix.mix_id: frozenset(unit_of[voice.loop_id] for voice in mix.voices) for mix in mixes}


def make_folds(examples: Examples, units: Mapping[str, frozenset[str]], rules: SplitRules, count: int) -> list[Fold]:
    """Deal the units, each fold with its share of every role; those that the recipe never tests on are always learned.

    Only single loops and cuts count, so that loops are dealt alike whatever mixes are made of them. A row of several
    units is learned from where none of them is held out, and asked about where all of them are. Raises UserError if
    there are fewer units than folds.
    """
    row_units = [units[mix_id] for mix_id in examples.mix_ids]
    counts: dict[str, Counter[str]] = {}
    for row, labels, kind in zip(row_units, examples.labels, kinds_of(examples.mix_ids), strict=True):
        if kind != "mix" and len(row) == 1 and rules.pinned(unit := next(iter(row))) != "train":
            counts.setdefault(unit, Counter()).update(
                role for role, label in zip(ROLES, labels, strict=True) if label > 0
            )
    if len(counts) < count:
        raise UserError(f"{count} folds need as many groups of loops to hold out, and there are {len(counts)}")
    fold_of = assign_folds(counts, count)
    folds = []
    for number in range(count):
        out = frozenset(unit for unit, fold in fold_of.items() if fold == number)
        learned = np.array([row.isdisjoint(out) for row in row_units], np.bool_)
        held = np.array([row <= out for row in row_units], np.bool_)
        folds.append(Fold(tuple(sorted(out)), learned.nonzero()[0], held.nonzero()[0]))
    return folds


def answer_fold(request: TrainingRequest, made: DatasetLock, examples: Examples, fold: Fold) -> Labels:
    """Train on the rows that a fold learns from, for all epochs, and answer those that it holds out: (held, roles)."""
    nobody = examples.take(np.empty(0, np.int64))
    trained = train_network(
        network_config(request, made),
        request.training,
        MelConfig(**made.mel),
        examples.take(fold.learned),
        nobody,
        lambda epoch, loss, score: None,
    )
    return predict(trained.network, examples.mels[fold.held])


def decide_by_other_folds(examples: Examples, folds: Sequence[Fold], answers: Sequence[Labels]) -> list[Labels]:
    """For each fold whether every role is on, 1 or 0, in its held rows: (held, roles).

    Calibration and thresholds are what the answers of all other folds suggest, so no row has a say about itself.
    """
    decided = []
    for number, given in enumerate(answers):
        others = [other for other in range(len(folds)) if other != number]
        rows = np.concatenate([folds[other].held for other in others])
        mix_ids, labels = [examples.mix_ids[row] for row in rows.tolist()], examples.labels[rows]
        others_answers = np.concatenate([answers[other] for other in others])
        calibration = fit_calibration(mix_ids, labels, others_answers)
        thresholds = choose_thresholds(mix_ids, labels, calibrate(others_answers, calibration))
        limits = np.array([thresholds[role] for role in ROLES])
        decided.append((calibrate(given, calibration) >= limits).astype(np.float32))
    return decided


def score_maps(mix_ids: Sequence[str], labels: Labels, answers: Labels, decided: Labels) -> dict[str, Any]:
    """Scores of the maps of whole compositions: ROC-AUC and balanced accuracy over the five common roles."""
    cuts = kinds_of(mix_ids) == "cut"
    on = score_roles(labels[cuts], decided[cuts], dict.fromkeys(ROLES, 0.5))
    return {
        "cut_roc_auc": finite_or_none(common_roc_auc(labels[cuts], answers[cuts])),
        "cut_balanced_accuracy": finite_or_none(macro(on, "balanced_accuracy")),
    }


def score_kinds(mix_ids: Sequence[str], labels: Labels, answers: Labels) -> dict[str, Any]:
    """Macro PR-AUC for each kind of row, and the share of single-role loops whose likeliest role is right."""
    kinds = kinds_of(mix_ids)
    scores: dict[str, Any] = {
        kind: finite_or_none(macro_pr_auc(labels[kinds == kind], answers[kinds == kind])) for kind in _KINDS
    }
    table = confusion(labels[kinds == "loop"], answers[kinds == "loop"])
    scores["right"] = float(np.trace(table) / table.sum()) if table.sum() else None
    return scores
