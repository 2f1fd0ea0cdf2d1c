"""How well sections are found, on compositions that the bundled models did not learn from; prints tables.

The truth of a generated arrangement is what its words say (groove and drop are cores), that of a composition follows
from what its stems play, by `tasks.section_training.truth.sections_of_roles`. ROLECALL_SIDE=validation shows a side
that the section model was fitted to.

The second test fits the model anew with groups of features left out, and judges each on a third of the training and
validation sides that it was not fitted to: authors and families of modules stay together, and so do arrangements.
"""

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
from storage.vocabulary import SectionLabel
from tasks.section_training.examples import MaterialSettings, training_set
from tasks.section_training.fitting import FitSettings, fit
from tasks.section_training.material import Track, read_tracks
from tasks.structure.iram import smooth
from tasks.structure.novelty import novelty
from tasks.structure.section_features import TrackMap, section_features
from tasks.structure.section_model import likeliest_labels
from tasks.structure.section_rules import guess
from tasks.structure.sections import features_of, find_sections

pytestmark = pytest.mark.benchmark

Numbers = NDArray[np.int64]
Method = Callable[[Track], Numbers]

_INTRO, _, _CORE, _, _OUTRO = range(len(SectionLabel))
_HEADER: Final = f"{'':34}tracks  F ±1 bar  F ±3 s  bars right  first core ±1 bar"
_FOLDS: Final = 3


def by_model(track: Track) -> Numbers:
    return numbers(find_sections(track.map))


def by_rules(track: Track) -> Numbers:
    """As the program did before it learned to."""
    one = track.map
    bar_roles = smooth(one.activations, one.levels_db, one.thresholds, one.bars)
    return guess(bar_roles, one.levels_db, novelty(one.sounds), one.bars).labels


def by_novelty(track: Track) -> Numbers:
    """Borders at as many of the highest peaks of checkerboard novelty as there are (Foote, 2000), eight bars a side."""
    changes = novelty(track.map.sounds, reach=8)
    peaks = [bar for bar in range(2, len(changes) - 2) if changes[bar] == changes[max(0, bar - 3) : bar + 4].max()]
    return parted(sorted(sorted(peaks, key=lambda bar: -changes[bar])[: len(borders_of(track.labels))]), track)


def by_equal_cuts(track: Track) -> Numbers:
    count = len(borders_of(track.labels))
    return parted([round(len(track.labels) * (cut + 1) / (count + 1)) for cut in range(count)], track)


def all_one_core(track: Track) -> Numbers:
    return np.full(len(track.labels), _CORE)


METHODS: dict[str, Method] = {
    "rolecall": by_model,
    "rules, as before": by_rules,
    "novelty, number known": by_novelty,
    "equal cuts, number known": by_equal_cuts,
    "all one core": all_one_core,
}


def numbers(sections: list) -> Numbers:  # type: ignore[type-arg]
    return np.array(
        [list(SectionLabel).index(one.label) for one in sections for _ in range(one.start_bar, one.end_bar + 1)]
    )


def borders_of(labels: Numbers) -> list[int]:
    return [bar for bar, (one, other) in enumerate(pairwise(labels), 1) if one != other]


def parted(borders: list[int], track: Track) -> Numbers:
    """First part intro, last outro, and the rest core and break by turns: a guess that shows every border."""
    part = np.searchsorted(borders, np.arange(len(track.labels)), side="right")
    between = np.where(part % 2 == 1, _CORE, _OUTRO - 1)
    return np.where(part == 0, _INTRO, np.where((part == len(borders)) & (part > 1), _OUTRO, between))


def intervals(labels: Numbers, bar_s: float) -> NDArray[np.float64]:
    starts = [0, *borders_of(labels)]
    return np.array(list(zip(starts, [*starts[1:], len(labels)], strict=True))) * bar_s


def scores(found: Numbers, track: Track) -> list[float]:
    """F-measure of inner borders within a bar and within 3 s (of tracks that have any), the share of bars that are
    labelled right, and whether the first core begins within a bar of the true one (of tracks that have one).
    """
    right = intervals(track.labels, track.bar_s)
    windows = (track.bar_s, 3.0)
    measures = [
        mir_eval.segment.detection(right, intervals(found, track.bar_s), window=window, trim=True)[2]
        if len(right) > 1
        else np.nan
        for window in windows
    ]
    cores, true_cores = np.flatnonzero(found == _CORE), np.flatnonzero(track.labels == _CORE)
    first = bool(len(cores)) and abs(int(cores[0]) - int(true_cores[0])) <= 1 if len(true_cores) else np.nan
    return [*measures, float(np.mean(found == track.labels)), float(first)]


def show(name: str, rows: list[list[float]]) -> None:
    print(f"{name:34}{len(rows):6}" + "".join(f"{value:10.3f}" for value in np.nanmean(np.array(rows), axis=0)))


def test_sections(corpus: Path, tmp_path: Path) -> None:
    stored = ModelStore(tmp_path).load("default")
    tracks = list(read_tracks(corpus / "tracks", stored, stored.card.groups[os.environ.get("ROLECALL_SIDE", "test")]))
    for kind, chosen in (("compositions", False), ("generated arrangements", True)):
        some = [track for track in tracks if track.is_generated == chosen]
        print(f"\n{kind}\n{_HEADER}")
        for name, method in METHODS.items():
            show(name, [scores(method(track), track) for track in some])


def family(name: str) -> str:
    """What stays on one side: an arrangement, an album, or all of an author or game."""
    source, _, rest = name.partition("_")
    return name if source == "gen" else source if source == "evr" else f"{source}_{rest.split('_')[0].split('-')[0]}"


@pytest.mark.slow
def test_which_features_of_sections_matter(corpus: Path, tmp_path: Path) -> None:
    stored = ModelStore(tmp_path).load("default")
    sides = stored.card.groups
    tracks = list(read_tracks(corpus / "tracks", stored, [*sides["train"], *sides["validation"]]))
    families = sorted({family(track.composition.name) for track in tracks}, key=lambda one: (one[:3], one))
    fold = {one: place % _FOLDS for place, one in enumerate(families)}
    columns = columns_of(tracks[0].map)
    left_out: dict[str, list[int]] = {"nothing left out": [], **columns}
    table: dict[str, list[list[float]]] = {}
    for held in range(_FOLDS):
        others = [track for track in tracks if fold[family(track.composition.name)] != held]
        examples, weights = training_set(others, MaterialSettings())
        for name, places in left_out.items():
            kept = np.setdiff1d(np.arange(examples[0][0].shape[1]), places)
            model = fit([(features[:, kept], labels) for features, labels in examples], weights, FitSettings())
            for track in tracks:
                if fold[family(track.composition.name)] == held:
                    found = likeliest_labels(model.chain(), *model.bar_scores(features_of(track.map)[:, kept]))
                    kind = "generated" if track.is_generated else "compositions"
                    table.setdefault(f"{name}, {kind}", []).append(scores(found, track))
    print(f"\nleft out\n{_HEADER}")
    for name, rows in table.items():
        show(name, rows)


def columns_of(track: TrackMap) -> dict[str, list[int]]:
    """The columns of each group of features."""
    found, start = {}, 0
    for name, values in section_features(track).items():
        found[name] = list(range(start, start + values.shape[1]))
        start += values.shape[1]
    return found
