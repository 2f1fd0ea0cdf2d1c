"""Evaluating a model on what it did not learn from: rows of a data set, loops, whole compositions as maps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.models import ModelCard
from storage.paths import path_text
from tasks.audio.degradations import DEGRADATIONS, Degradation
from tasks.audio.errors import AudioError
from tasks.evaluation.excerpts import Excerpt, excerpt_features, excerpts_in, excerpts_of
from tasks.evaluation.metrics import Labels, common_pr_auc, common_roc_auc, kinds_of, summarise
from tasks.evaluation.reliability import bootstrap_interval, calibration_error, confusion, decisions
from tasks.features.mel_config import Matrix, MelConfig
from tasks.networks.inference import predict
from tasks.sources.compositions import has_compositions, read_compositions

_KINDS: Final = {"loops": "loop", "mixes": "mix", "cuts": "cut", "oneshots": "oneshot"}


class Grouped(Protocol):
    """What belongs to a group of the split."""

    @property
    def group(self) -> str:
        """The group's name."""


Piece = TypeVar("Piece", bound=Grouped)


@dataclass(frozen=True)
class Rows:
    """Segments with their labels, ready for the network; `names` and `groups` have one entry a row.

    `excerpts` are what they were cut from, where that is at hand.
    """

    mels: Matrix
    labels: Labels
    names: list[str]
    groups: list[str]
    left_out: list[str]
    excerpts: tuple[Excerpt, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Scores on some rows, with the groups that were taken and left out, and all that a report draws from."""

    scores: dict[str, Any]
    intervals: dict[str, tuple[float, float] | None]
    taken: list[str]
    left_out: list[str]
    robustness: list[dict[str, Any]]
    rows: Rows = field(repr=False)
    answers: NDArray[np.float32] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, without the segments themselves."""
        return {
            "compositions": self.taken,
            "left_out": self.left_out,
            "scores": self.scores,
            "intervals": self.intervals,
            "confusion": confusion(self.rows.labels, self.answers).tolist(),
            "robustness": self.robustness,
        }


def gather(on: str, datasets: DatasetStore, card: ModelCard, split: str, groups: Sequence[str] = ()) -> Rows:
    """The rows to score, of one side of the model's split: loops, mixes or cuts of its data set, or of a folder.

    Of a folder only groups that match one of the patterns `groups` are taken, if there are any. Raises UserError if
    there is nothing of the kind.
    """
    if on in _KINDS:
        if groups:
            raise UserError(f"rows of the kind {on!r} are not told apart by group; name a folder with --on")
        return _from_dataset(_KINDS[on], datasets, card, split)
    folder = Path(on)
    if (folder / "manifest.csv").exists() and not has_compositions(folder):
        excerpts = excerpts_in(folder / "manifest.csv")
    else:
        excerpts = excerpts_of(read_compositions(folder))
    named = [one for one in excerpts if not groups or any(fnmatchcase(one.group, pattern) for pattern in groups)]
    chosen, left_out = held_out(named, card, split)
    if not chosen:
        which = f" in groups like {', '.join(groups)}" if groups else ""
        raise UserError(f"nothing below {on}{which} is on the {split} side of model {card.model_id}")
    return rows_of(chosen, left_out, MelConfig(**card.mel))


def held_out(pieces: Iterable[Piece], card: ModelCard, split: str) -> tuple[list[Piece], list[str]]:
    """The pieces on this side of the card's split, and the groups of the others.

    A piece belongs to the side that holds its group; one that no side holds was never seen, and counts as test.
    """
    side_of = {group: side for side, groups in card.groups.items() for group in groups}
    chosen, left_out = [], set()
    for piece in pieces:
        if side_of.get(piece.group, "test") == split:
            chosen.append(piece)
        else:
            left_out.add(piece.group)
    return chosen, sorted(left_out)


def rows_of(
    excerpts: Sequence[Excerpt], left_out: list[str], config: MelConfig, degradation: Degradation | None = None
) -> Rows:
    """Every excerpt on its true grid, cut into segments; raises UserError naming a file that cannot be used."""
    features = [_features(excerpt, config, degradation) for excerpt in excerpts]
    lengths = [len(labels) for _, labels in features]
    return Rows(
        np.concatenate([mels for mels, _ in features]),
        np.concatenate([labels for _, labels in features]),
        [f"{one.name} {place}" for one, length in zip(excerpts, lengths, strict=True) for place in range(length)],
        [one.group for one, length in zip(excerpts, lengths, strict=True) for _ in range(length)],
        left_out,
        tuple(excerpts),
    )


def _features(excerpt: Excerpt, config: MelConfig, degradation: Degradation | None) -> tuple[Matrix, Labels]:
    try:
        return excerpt_features(excerpt, config, degradation)
    except AudioError as error:
        raise UserError(f"{path_text(excerpt.audio)}: {error.reason}: {error}; leave it out or replace it") from error


def evaluate_model(rows: Rows, network: Any, card: ModelCard, robustness: bool = False) -> Evaluation:
    """Score a network, with bootstrap intervals over groups; where asked, again after every degradation."""
    answers = predict(network, rows.mels)
    measures = (("PR-AUC", common_pr_auc), ("ROC-AUC", common_roc_auc))
    return Evaluation(
        scores=score_rows(rows.labels, answers, card),
        intervals={name: bootstrap_interval(rows.labels, answers, measure, rows.groups) for name, measure in measures},
        taken=sorted(set(rows.groups)),
        left_out=rows.left_out,
        robustness=_damaged(rows, answers, network, card) if robustness else [],
        rows=rows,
        answers=answers,
    )


def _from_dataset(kind: str, datasets: DatasetStore, card: ModelCard, split: str) -> Rows:
    if datasets.read_lock(card.dataset_name).digest != card.dataset_digest:
        raise UserError(
            f"the data set {card.dataset_name} here is not the one that model {card.model_id} was made from"
        )
    examples = datasets.read_split(card.dataset_name, split)
    places = np.flatnonzero(kinds_of(examples.mix_ids) == kind)
    if not len(places):
        raise UserError(f"the data set {card.dataset_name} has no rows of the kind {kind!r} in its {split} split")
    names = [examples.mix_ids[place] for place in places]
    return Rows(np.asarray(examples.mels[places], np.float32), examples.labels[places], names, names, [])


def score_rows(labels: Labels, answers: NDArray[np.float32], card: ModelCard) -> dict[str, Any]:
    """All scores of answers (n, roles) to labels (n, roles), with the card's thresholds and unsure bands."""
    table = confusion(labels, answers)
    return {
        **summarise(labels, answers, card.thresholds),
        "single_role_rows": int(table.sum()),
        "single_role_accuracy": float(np.trace(table) / table.sum()) if table.sum() else None,
        "calibration_error": calibration_error(labels, answers),
        "decisions": decisions(labels, answers, card.thresholds, card.unsure),
    }


def _damaged(rows: Rows, answers: NDArray[np.float32], network: Any, card: ModelCard) -> list[dict[str, Any]]:
    """Scores after every degradation, and the share of labels (role on or off) that stay as they were."""
    if not rows.excerpts:
        raise UserError("robustness needs audio; name a folder with --on")
    limits = np.array([card.thresholds[role] for role in card.roles], np.float32)
    table = [_line("nothing", score_rows(rows.labels, answers, card), 1.0)]
    for degradation in DEGRADATIONS:
        changed = rows_of(rows.excerpts, [], MelConfig(**card.mel), degradation)
        given = predict(network, changed.mels)
        places = {name: place for place, name in enumerate(rows.names)}
        shared = [(places[name], place) for place, name in enumerate(changed.names) if name in places]
        before, after = (np.array(side) for side in zip(*shared, strict=True))
        same = float(((answers[before] >= limits) == (given[after] >= limits)).mean())
        table.append(_line(degradation.name, score_rows(changed.labels, given, card), same))
    return table


def _line(name: str, scores: dict[str, Any], same: float) -> dict[str, Any]:
    kept = ("macro_pr_auc", "macro_roc_auc", "macro_balanced_accuracy")
    return {"after": name, **{measure: scores[measure] for measure in kept}, "same_labels": same}
