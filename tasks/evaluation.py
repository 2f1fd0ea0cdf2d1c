"""Evaluating a model on whole compositions: the map of every track against its truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.models import ModelCard
from storage.vocabulary import Kind
from tasks.compositions import Composition
from tasks.inference import predict
from tasks.labelling import LabelRequest, analyse
from tasks.mel import MelConfig
from tasks.metrics import summarise


@dataclass(frozen=True)
class CompositionScores:
    """Scores over the pooled segments of some compositions, with the names of those taken and of those left out."""

    compositions: list[str]
    left_out: list[str]
    scores: dict[str, Any]


def held_out(compositions: Iterable[Composition], card: ModelCard, split: str) -> tuple[list[Composition], list[str]]:
    """The compositions on this side of the card's split, and the names of the others.

    A composition belongs to the side that holds loops of its name; one that no side holds was never seen, and
    counts as test.
    """
    side_of = {group: side for side, groups in card.groups.items() for group in groups}
    chosen, left_out = [], []
    for composition in compositions:
        if side_of.get(composition.name, "test") == split:
            chosen.append(composition)
        else:
            left_out.append(composition.name)
    return chosen, left_out


def score_compositions(
    compositions: Sequence[Composition], left_out: list[str], network: Any, card: ModelCard
) -> CompositionScores:
    """Label each composition on its true grid and score all its segments together; raises `AudioError`."""
    truths: list[NDArray[np.float32]] = []
    answers: list[NDArray[np.float32]] = []
    for composition in compositions:
        request = LabelRequest("", str(composition.audio), Kind.TRACK, composition.bpm, 0.0)
        activations = predict(network, analyse(request, MelConfig(**card.mel)).mels)
        segments = min(len(activations), len(composition.truth))
        truths.append(composition.truth[:segments])
        answers.append(activations[:segments])
    scores = summarise(np.concatenate(truths), np.concatenate(answers), card.thresholds)
    return CompositionScores([composition.name for composition in compositions], left_out, scores)
