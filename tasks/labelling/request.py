"""The input of labelling: one file with what its manifest says, and the model as it is sent to workers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.models import ModelCard, StoredModel
from storage.vocabulary import Kind
from tasks.metadata.tempo_text import BpmRange

LABEL_VERSION: Final = 12
"""Raised whenever the same file and model would get other labels; part of every label's key."""


def label_version(bpm_range: BpmRange | None) -> str:
    """What else than file and model makes a label what it is: this version, and the tempi that somebody writes down."""
    return str(LABEL_VERSION) if bpm_range is None else f"{LABEL_VERSION} {bpm_range[0]:g}-{bpm_range[1]:g}"


@dataclass(frozen=True)
class LabelRequest:
    """A file to label, with what its manifest says: kind, tempo in beats per minute, first downbeat in seconds, key.

    A tempo that nobody states is put into `bpm_range`, where one of its octaves lies in it.
    """

    label_key: str
    path: str
    kind: Kind | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None
    key: str | None = None
    bpm_range: BpmRange | None = None


@dataclass(frozen=True)
class LabelRecipe:
    """The model to label with, as every batch takes it to a worker: a card to answer by, the path of its weights."""

    card: ModelCard
    weights: Path

    @classmethod
    def of(cls, stored: StoredModel) -> "LabelRecipe":
        """The recipe of a stored model."""
        return cls(stored.card.to_answer(), stored.weights)
