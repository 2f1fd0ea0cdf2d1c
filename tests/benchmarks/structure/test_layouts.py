"""Which role sounds in which bar of synthetic layouts: the network alone, factorisation, and both joined.

Accuracy and correlation over bars and roles, and the F-measure of the bars in which a role comes in or goes out.

Set ROLECALL_LAYOUTS to a folder of `<kind>_<n>_plan.txt` (the generated plans of J. B. L. Smith's ismir2020-loops) and
ROLECALL_CORPUS to a corpus; ROLECALL_LAYOUT_COUNT says how many of each kind. The loops are those of groups that the
bundled model was tested on. Factorisation alone is told the number of loops and which factor is which, as in the
literature, and once more told the roles of the loops only, so that the network has to name its factors; the joined
method (`joining.py`) is told no more than that. Its few numbers were chosen with ROLECALL_SIDE=validation, which takes
the loops of that side, and with loops of the training side that networks of a cross-validation had not learned from.
"""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from tensorly.decomposition import non_negative_tucker_hals

from storage.models import ModelCard, ModelStore
from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.evaluation.annotated_maps import change_f
from tasks.features.mel import log_compress
from tasks.features.mel_config import Matrix, MelConfig
from tasks.networks.inference import LoadedNetwork, load_network, predict, predict_at_two_scales
from tasks.structure.iram import bar_levels_db, smooth
from tests.benchmarks.structure.joining import join, name_factors, to_one
from tests.benchmarks.structure.layouts import Layout, bar_mels, one_bar_loops, read_layouts, render

pytestmark = pytest.mark.benchmark

KINDS: Final = ("composed", "facto", "shuffled", "sparse", "dense")
_ON: Final = 0.5
_COARSE: Final = MelConfig(n_fft=1024, hop_length=256, mels=64)
"""What the factorisation is given, which has no use for finer bands."""

_RHYTHMS, _SPECTRA = 32, 32
"""Ranks of the factorisation: patterns in time within a bar, and over the bands."""

Scored = tuple[NDArray[np.float64], NDArray[np.bool_]]
"""Activations and decisions, (bars, roles) each."""


def test_layouts(corpus: Path, tmp_path: Path) -> None:
    folder = os.environ.get("ROLECALL_LAYOUTS")
    if folder is None:
        pytest.skip("set ROLECALL_LAYOUTS to a folder of plans")
    count = int(os.environ.get("ROLECALL_LAYOUT_COUNT", "50"))
    stored = ModelStore(tmp_path).load("default")
    network = load_network(stored.weights, stored.card)
    loops = one_bar_loops(
        corpus / "loops" / "manifest.csv", stored.card.groups[os.environ.get("ROLECALL_SIDE", "test")]
    )
    print(
        f"\naccuracy/correlation/changes to the bar\n{'':20}"
        + "".join(f"{name:>20}" for name in ("network", "factors", "named", "joined"))
    )
    for kind in KINDS:
        table: dict[str, list[tuple[float, float, float]]] = {}
        for number, layout in enumerate(read_layouts(Path(folder), kind, count)):
            song = render(layout, loops, np.random.default_rng(number))
            mels = bar_mels(song, MelConfig(**stored.card.mel))
            answers = by_network(mels, network, stored.card)
            ask = partial(by_itself, network=network)
            apart = factors(bar_mels(song, _COARSE), len(layout.roles))
            by_network_named = name_factors(mels, layout.roles, apart, ask)
            joined = join(mels, answers[0], layout.roles, ask)
            asked = [role in layout.roles for role in ROLES]
            truth = layout.role_truth.T[:, asked]
            labels = truth.astype(np.float32)
            for name, (activations, on) in {
                "network": answers,
                "factors": by_factors(apart, layout),
                "named": named(by_network_named, layout.roles),
                "joined": (joined, joined >= _ON),
            }.items():
                correlation = np.corrcoef(activations[:, asked].ravel(), truth.ravel())[0, 1]
                changes = [change_f(label, said, [0]) for label, said in zip(labels.T, on[:, asked].T, strict=True)]
                to_the_bar = float(np.mean([one for one in changes if one is not None]))
                accuracy = float((on[:, asked] == truth).mean())
                table.setdefault(name, []).append((accuracy, float(correlation), to_the_bar))
        print(
            f"{kind:20}" + "".join("{:>10.3f}/{:.3f}/{:.3f}".format(*np.mean(rows, axis=0)) for rows in table.values())
        )


def factors(mels: Matrix, count: int) -> NDArray[np.float64]:
    """The activity (bars, count), 0..1, of `count` loops, of which the bars are sums.

    Non-negative Tucker factorisation of bars by frames by bands (Smith and Goto, ICASSP 2018), from magnitudes.
    """
    _, (activity, _, _) = non_negative_tucker_hals(
        np.sqrt(mels).astype(np.float64), [count, _RHYTHMS, _SPECTRA], n_iter_max=100, init="svd", random_state=0
    )
    return to_one(activity)


def by_network(mels: Matrix, network: LoadedNetwork, card: ModelCard) -> Scored:
    logs = log_compress(mels)
    silent = np.full((-len(logs) % BARS_PER_SEGMENT, *logs.shape[1:]), logs.min(), np.float32)
    phrases = np.concatenate([logs, silent]).reshape(-1, BARS_PER_SEGMENT * logs.shape[1], logs.shape[2])
    _, bars = predict_at_two_scales(network, phrases)
    activations = bars.reshape(-1, len(ROLES))[: len(logs)]
    return activations, smooth(activations, bar_levels_db(logs), card.thresholds, range(1, len(logs) + 1))


def by_itself(segments: Matrix, network: LoadedNetwork) -> Matrix:
    """The probability of each role (segments, roles) in segments of mel power."""
    return predict(network, log_compress(segments))


def by_factors(activity: NDArray[np.float64], layout: Layout) -> Scored:
    """The factors under the best assignment to the loops of the layout."""
    likeness = np.nan_to_num([[np.corrcoef(one, row)[0, 1] for row in layout.playing] for one in activity.T])
    _, rows = linear_sum_assignment(-likeness)
    return named(activity, [layout.roles[row] for row in rows])


def named(activity: NDArray[np.float64], roles: Sequence[str]) -> Scored:
    """Factors with a role each as activations of roles: the strongest of those of a role."""
    activations = np.zeros((len(activity), len(ROLES)))
    for factor, role in enumerate(roles):
        place = ROLES.index(role)
        activations[:, place] = np.maximum(activations[:, place], activity[:, factor])
    return activations, activations >= _ON
