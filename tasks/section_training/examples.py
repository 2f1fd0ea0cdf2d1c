"""What the section model learns from: simulated maps, real ones and variants of them, and real roles rendered anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.section_training.arrangements import Arrangement, arrangement_of, simulated_arrangement
from tasks.section_training.fitting import Example
from tasks.section_training.material import Track, segment_levels_db
from tasks.section_training.simulated_maps import simulated_map
from tasks.section_training.truth import labels_of_bars, sections_of_roles
from tasks.structure.section_features import TrackMap
from tasks.structure.sections import features_of

Labelled = tuple[TrackMap, NDArray[np.int64]]
"""A map and the label of each of its bars."""


@dataclass(frozen=True)
class MaterialSettings:
    """How many maps are simulated, how often each real track is rendered and varied, and what each kind counts."""

    simulated: int = 500
    rendered: int = 4
    variants: int = 5
    shares: tuple[float, float, float] = (0.25, 0.15, 0.6)
    seed: int = 5


_SOUNDS_DB: Final = -40.0
_MOST_CUT_BARS: Final = 16


def simulated_examples(count: int, seed: int) -> Iterator[Labelled]:
    """Maps of simulated arrangements; of two in five the labels are those that the rule for real tracks gives them."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        arrangement = simulated_arrangement(rng)
        track = simulated_map(arrangement, rng)
        labels = arrangement.labels
        if rng.random() < 0.4:
            labels = _labels_by_rule(arrangement, track)
        yield track, labels


def rendered_examples(track: Track, count: int, rng: np.random.Generator) -> Iterator[Labelled]:
    """Maps of arrangements whose roles sound as those of a real track do by its stems.

    Where roles are unknown (-1), one of them sounds: another in each map.
    """
    truth, labels = track.composition.truth, track.labels
    for _ in range(count):
        on = truth == 1
        unknown = truth == -1
        order = rng.permutation(len(ROLES))
        rows = np.flatnonzero(unknown.any(axis=1))
        on[rows, order[unknown[rows][:, order].argmax(axis=1)]] = True
        bars = np.repeat(on, BARS_PER_SEGMENT, axis=0)[: len(labels)]
        arrangement = arrangement_of(bars, labels[: len(bars)], rng)
        yield simulated_map(arrangement, rng), arrangement.labels


def variants(track: TrackMap, labels: NDArray[np.int64], count: int, rng: np.random.Generator) -> Iterator[Labelled]:
    """A track as it is, and as other models, masters and cuts would show it."""
    yield track, labels
    for _ in range(count):
        odds = np.log(np.clip(track.activations, 1e-6, 1 - 1e-6)) - np.log1p(
            -np.clip(track.activations, 1e-6, 1 - 1e-6)
        )
        odds = odds * rng.uniform(0.7, 1.4) + rng.normal(0, 0.5, len(ROLES))
        tilt = np.linspace(-1, 1, track.sounds.shape[1]) * rng.normal(0, 0.3)
        other = replace(
            track,
            activations=(1 / (1 + np.exp(-odds))).astype(np.float32),
            levels_db=track.levels_db * rng.uniform(0.6, 1.3),
            sounds=(track.sounds + tilt).astype(np.float32),
        )
        yield _cut(other, labels, rng)


def _cut(track: TrackMap, labels: NDArray[np.int64], rng: np.random.Generator) -> Labelled:
    """Without some phrases at the beginning or the end, once in three."""
    spare = min(_MOST_CUT_BARS, len(labels) // 4)
    begin, end = (BARS_PER_SEGMENT * int(rng.integers(0, spare // BARS_PER_SEGMENT + 1)) for _ in range(2))
    chance = rng.random(2)
    begin, end = begin * (chance[0] < 0.3), len(labels) - end * (chance[1] < 0.3)
    kept = replace(
        track,
        activations=track.activations[begin:end],
        sounds=track.sounds[begin:end],
        levels_db=track.levels_db[begin:end],
        bars=range(track.bars.start, track.bars.start + end - begin),
    )
    return kept, labels[begin:end]


def _labels_by_rule(arrangement: Arrangement, track: TrackMap) -> NDArray[np.int64]:
    bars = len(arrangement.labels)
    sounding = np.zeros((bars, len(ROLES)), np.bool_)
    audible = arrangement.gains_db > arrangement.gains_db.max(axis=1, keepdims=True) + _SOUNDS_DB / 2
    for voice, role in enumerate(arrangement.roles):
        sounding[:, role] |= audible[:, voice]
    starts = np.arange(0, bars, BARS_PER_SEGMENT)
    truth = np.array([sounding[start : start + BARS_PER_SEGMENT].mean(axis=0) >= 0.5 for start in starts], np.float32)
    return labels_of_bars(sections_of_roles(truth, segment_levels_db(track.levels_db)), bars)


def training_set(tracks: Sequence[Track], settings: MaterialSettings) -> tuple[list[Example], list[float]]:
    """Examples for `fit` and what each counts: simulated maps, real roles rendered anew, and real tracks."""
    rng = np.random.default_rng(settings.seed)
    simulated = list(simulated_examples(settings.simulated, settings.seed))
    rendered = [one for track in tracks for one in rendered_examples(track, settings.rendered, rng)]
    real = [one for track in tracks for one in variants(track.map, track.labels, settings.variants, rng)]
    examples: list[Example] = []
    weights: list[float] = []
    for part, share in zip((simulated, rendered, real), settings.shares, strict=True):
        examples += [(features_of(track), labels) for track, labels in part]
        weights += [share / len(part)] * len(part)
    return examples, weights
