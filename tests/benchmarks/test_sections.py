"""How well sections are found, on compositions that the bundled model was tested on; prints a table.

The truth is derived from what the stems play in every four bars: a core is a run of segments with percussion and at
least three quarters of the most roles that ever sound together; what lies before the first is intro, after the last
outro, between two a break; the last segment before a core is a build if it has more roles than the one before it.
Roles of unknown state count as silent. What a border costs and what novelty takes off was chosen on the compositions
of the training and validation sides, which ROLECALL_SIDE=train and ROLECALL_SIDE=validation show.
"""

import math
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

import mir_eval.segment
import numpy as np
import pytest
from numpy.typing import NDArray

from storage.models import ModelStore
from storage.vocabulary import ROLES, BpmSource, SectionLabel
from tasks.audio.decoding import decode
from tasks.features.mel import log_compress, mel_power, normalise_level
from tasks.features.mel_config import Matrix, MelConfig
from tasks.networks.inference import load_network, predict_at_two_scales
from tasks.rhythm.grid import Grid, Tempo
from tasks.sources.compositions import Composition, read_compositions
from tasks.structure.iram import bar_levels_db, smooth
from tasks.structure.novelty import novelty
from tasks.structure.sections import find_sections
from tasks.structure.segments import bar_numbers, bars_of_phrases, phrase_mels, track_bounds

pytestmark = pytest.mark.benchmark

Labels = list[str]
"""A label for every bar."""

_PERCUSSION: Final = ROLES.index("percussion")


def truth_labels(truth: NDArray[np.float32]) -> Labels:
    """Labels of bars from the roles in every four of them (segments, roles)."""
    on = truth == 1
    count = on.sum(axis=1)
    full = (count >= max(2, math.ceil(0.75 * int(count.max())))) & on[:, _PERCUSSION]
    cores = np.flatnonzero(full)
    labels = []
    for segment in range(len(on)):
        if full[segment]:
            label = SectionLabel.CORE
        elif not len(cores) or segment < cores[0]:
            label = SectionLabel.INTRO
        elif segment > cores[-1]:
            label = SectionLabel.OUTRO
        else:
            label = SectionLabel.BREAK
        if not full[segment] and segment + 1 < len(on) and full[segment + 1] and segment:
            label = SectionLabel.BUILD if count[segment] > count[segment - 1] else label
        labels += [label.value] * 4
    return labels


def by_sections(mels: Matrix, activations: Matrix, thresholds: dict[str, float], bars: range) -> Labels:
    levels = bar_levels_db(mels)
    bar_roles = smooth(activations, levels, thresholds, bars)
    sections = find_sections(bar_roles, levels, novelty(mels.mean(axis=1)), bars)
    return [one.label.value for one in sections for _ in range(one.start_bar, one.end_bar + 1)]


def by_novelty(mels: Matrix, count: int) -> Labels:
    """Borders at the `count` highest peaks of checkerboard novelty over bars (Foote, 2000), eight bars to each side."""
    changes = novelty(mels.mean(axis=1), reach=8)
    peaks = [bar for bar in range(2, len(changes) - 2) if changes[bar] == changes[max(0, bar - 3) : bar + 4].max()]
    borders = sorted(sorted(peaks, key=lambda bar: -changes[bar])[:count])
    return numbered(borders, len(changes))


def by_equal_cuts(bars: int, count: int) -> Labels:
    return numbered([round(bars * (cut + 1) / (count + 1)) for cut in range(count)], bars)


def numbered(borders: list[int], bars: int) -> Labels:
    """First part intro, last outro, the rest core: the best guess without looking at the audio."""
    part = np.searchsorted(borders, np.arange(bars), side="right")
    return ["intro" if one == 0 else "outro" if one == len(borders) else f"core {one}" for one in part]


def intervals(labels: Labels, bar_s: float) -> NDArray[np.float64]:
    starts = [bar for bar in range(len(labels)) if bar == 0 or labels[bar] != labels[bar - 1]]
    return np.array(list(zip(starts, [*starts[1:], len(labels)], strict=True))) * bar_s


def scores(labels: Labels, truth: Labels, bar_s: float) -> list[float]:
    """F-measure of inner borders within a bar and within 3 s, and the share of bars that are labelled right."""
    bars = min(len(labels), len(truth))
    found, right = intervals(labels[:bars], bar_s), intervals(truth[:bars], bar_s)
    plain = [one.split()[0] for one in labels[:bars]]
    within = [mir_eval.segment.detection(right, found, window=window, trim=True)[2] for window in (bar_s, 3.0)]
    return [*within, float(np.mean([one == other for one, other in zip(plain, truth[:bars], strict=True)]))]


def test_sections(corpus: Path, tmp_path: Path) -> None:
    stored = ModelStore(tmp_path).load("default")
    network = load_network(stored.weights, stored.card)
    config = MelConfig(**stored.card.mel)
    table: dict[str, list[list[float]]] = {}
    for composition in read_compositions(corpus / "tracks"):
        if composition.name not in stored.card.groups[os.environ.get("ROLECALL_SIDE", "test")]:
            continue
        grid = Grid(Tempo(composition.bpm, BpmSource.MANIFEST, 1.0), 0.0)
        bars = bar_numbers(track_bounds(grid, composition.duration_s))
        phrases = log_compress(phrase_mels(power_of(composition, config), bars, grid, config))
        _, by_bars = predict_at_two_scales(network, phrases)
        mels, activations = (
            bars_of_phrases(values, bars)
            for values in (phrases.reshape(-1, config.frames_per_bar, config.mels), by_bars.reshape(-1, len(ROLES)))
        )
        truth = truth_labels(composition.truth)
        borders = sum(one != other for one, other in pairwise(truth))
        methods: dict[str, Callable[[], Labels]] = {
            "rolecall": lambda: by_sections(mels, activations, stored.card.thresholds, bars),  # noqa: B023
            "novelty, number known": lambda: by_novelty(mels, borders),  # noqa: B023
            "equal, number known": lambda: by_equal_cuts(len(bars), borders),  # noqa: B023
            "all one core": lambda: [SectionLabel.CORE.value] * len(bars),  # noqa: B023
        }
        for name, method in methods.items():
            table.setdefault(name, []).append(scores(method(), truth, grid.bar_s))
    print(f"\n{'':24}tracks  F ±1 bar  F ±3 s  bars labelled right")
    for name, rows in table.items():
        print(f"{name:24}{len(rows):6}" + "".join(f"{value:10.3f}" for value in np.mean(rows, axis=0)))


def power_of(composition: Composition, config: MelConfig) -> Matrix:
    return normalise_level(mel_power(decode(composition.audio, config.sample_rate).samples, config))
