"""What each part of the training and each source of its data is worth: short trainings of the bundled model's network.

Reads the data set `bundled-model` of the workspace that ROLECALL_WORKSPACE names. Scores are macro PR-AUC on the
validation side, apart for mixes, single loops, cuts of compositions and one-shots, the last column the share of
single-role loops whose likeliest role is right; every line is the mean of as many seeds as ROLECALL_ROUNDS says, two
without it.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch

from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock
from storage.datasets.plan import read_plan
from storage.datasets.store import DatasetStore
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.datasets.recipe import SplitRules, find_recipe, read_recipe
from tasks.evaluation.metrics import kinds_of
from tasks.networks import NetworkConfig
from tasks.networks.inference import predict
from tasks.training import batch_mixing
from tasks.training.cross_validation import score_kinds, units_of_rows
from tasks.training.fitting import Material, read_material
from tasks.training.loop import TrainingConfig, train_network

pytestmark = pytest.mark.benchmark

SEEDS: Final = range(1, 1 + int(os.environ.get("ROLECALL_ROUNDS", "2")))
TRAINING: Final = TrainingConfig(epochs=4, steps=100, patience=4, parts=0.5)
MEL: Final = read_recipe(find_recipe("bundled-model")).mel
NETWORK: Final = NetworkConfig("separable", "auto", MEL.mels, 6, 28)
PEOPLE: Final = (46, 92, 185, 460)

Change = Callable[[Material, pytest.MonkeyPatch], Examples]


@pytest.fixture(scope="module")
def material() -> Material:
    root = os.environ.get("ROLECALL_WORKSPACE")
    if root is None:
        pytest.skip("set ROLECALL_WORKSPACE to a workspace with the data set bundled-model")
    store = Workspace(Path(root))
    return read_material(DatasetStore(store.datasets), "bundled-model", ModelStore(store.models))


def everything(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    return material.splits["train"]


def no_rendered_rows(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr(batch_mixing, "_RENDERED_SHARE", 0.02)
    return material.splits["train"]


def no_new_sums(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr(batch_mixing, "_RENDERED_SHARE", 0.98)
    return material.splits["train"]


def nothing_made(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr(batch_mixing, "_SYNTHETIC", {})
    return material.splits["train"]


def nothing_reverberated(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr(batch_mixing, "_WET", {})
    return material.splits["train"]


def no_hits(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr(batch_mixing, "_HIT_SHARE", 0.0)
    train = material.splits["train"]
    return train.take(np.flatnonzero(kinds_of(train.mix_ids) != "oneshot"))


def authors_as_often_as_they_have_loops(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    return replace(material.splits["train"], units=None)


def no_parts(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    patch.setattr("tests.benchmarks.test_training_data.TRAINING", replace(TRAINING, parts=0.0))
    return material.splits["train"]


def no_compositions(material: Material, patch: pytest.MonkeyPatch) -> Examples:
    train = material.splits["train"]
    return train.take(np.flatnonzero(kinds_of(train.mix_ids) != "cut"))


def some_groups(count: int) -> Change:
    """Rows whose every loop comes from some of the groups, drawn from a fixed seed, the fewer among the more."""

    def chosen(material: Material, patch: pytest.MonkeyPatch) -> Examples:
        train, made = material.splits["train"], material.made
        names = sorted(made.groups["train"])
        drawn = np.random.default_rng(0).permutation(len(names))[:count]
        allowed = {names[place] for place in drawn}
        groups = groups_of_rows(made, material.folder)
        return train.take(np.flatnonzero([groups[mix_id] <= allowed for mix_id in train.mix_ids]))

    return chosen


def groups_of_rows(made: DatasetLock, folder: Path) -> dict[str, frozenset[str]]:
    return units_of_rows(made, read_plan(folder / "plan.parquet"), SplitRules())


def scores(train: Examples, held: Examples, seed: int) -> list[float]:
    network = train_network(
        NETWORK, replace(TRAINING, seed=seed), MEL, train, held, lambda epoch, loss, score: None
    ).network
    return list(score_kinds(held.mix_ids, held.labels, predict(network, held.mels)).values())


def test_what_training_data_is_worth(material: Material) -> None:
    torch.set_num_threads(1)
    changes: dict[str, Change] = {
        "everything": everything,
        "without parts": no_parts,
        "authors not evened": authors_as_often_as_they_have_loops,
        "without reverberation": nothing_reverberated,
        "without single hits": no_hits,
        "without rendered rows": no_rendered_rows,
        "without new sums": no_new_sums,
        "without made voices": nothing_made,
        "without compositions": no_compositions,
        **{f"{count} groups": some_groups(count) for count in PEOPLE},
    }
    print(f"\n{'':24} {'rows':>6} {'groups':>6}    mix   loop    cut    hit  right")
    groups = groups_of_rows(material.made, material.folder)
    for name, change in changes.items():
        with pytest.MonkeyPatch.context() as patch:
            train = change(material, patch)
            found = np.mean([scores(train, material.splits["validation"], seed) for seed in SEEDS], axis=0)
        learned_groups = set().union(*(groups[mix_id] for mix_id in train.mix_ids))
        print(
            f"{name:24} {len(train.labels):6} {len(learned_groups):6} " + " ".join(f"{one:6.3f}" for one in found),
            flush=True,
        )
