"""Sections of a track (intro, build, core, break, outro) by the learned section model."""

from functools import cache
from importlib import resources
from typing import Final

import numpy as np

from storage.catalogue.label_parts import Section
from storage.vocabulary import SectionLabel
from tasks.structure.section_features import Floats, TrackMap, section_features
from tasks.structure.section_model import Chain, SectionModel, expectations, likeliest_labels

WEIGHTS: Final = "sections.safetensors"
"""The learned weights, among what comes with the package."""

_LABELS: Final = tuple(SectionLabel)

_TOO_SURE: Final = 2.5
"""By what the model's scores are divided for confidences (Guo and others, ICML 2017). Of the bars of other authors it
takes 92 % to be right by its own scores, 79 % by these, and 78 % are."""


def find_sections(track: TrackMap) -> list[Section]:
    """The likeliest sections of a track, in order; they cover every bar once.

    The confidence of a section is the mean probability of its label over its bars, `border_confidence` the
    probability that some section begins at its first bar or at one of the two beside it.
    """
    if not len(track.bars):
        return []
    model, chain = _bundled_model()
    label, border = model.bar_scores(features_of(track))
    states = likeliest_labels(chain, label, border)
    expected = expectations(
        chain.scaled(1 / _TOO_SURE), label[:, None] / _TOO_SURE, border[:, None] / _TOO_SURE, np.array([len(label)])
    )
    likely = expected.label[np.arange(len(states)), 0, states]
    begins = _near(expected.start[:, 0].sum(axis=1))
    starts = np.flatnonzero(np.diff(states, prepend=-1))
    ends = np.append(starts[1:], len(states))
    return [
        Section(
            section=number,
            label=_LABELS[states[start]],
            confidence=round(float(likely[start:end].mean()), 3),
            start_bar=track.bars.start + int(start),
            end_bar=track.bars.start + int(end) - 1,
            border_confidence=round(float(begins[start]), 3),
        )
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]


def features_of(track: TrackMap) -> Floats:
    """What the model knows of each bar (bars, features)."""
    return np.hstack(list(section_features(track).values()))


@cache
def _bundled_model() -> tuple[SectionModel, Chain]:
    weights = (resources.files("storage") / "bundled" / WEIGHTS).read_bytes()
    model = SectionModel.from_bytes(weights)
    return model, model.chain()


def _near(begins: Floats) -> Floats:
    """The probability of a beginning at a bar or at one of the two beside it, of which at most one is taken to be."""
    padded = np.pad(begins, 1)
    return np.minimum(padded[:-2] + padded[1:-1] + padded[2:], 1.0)
