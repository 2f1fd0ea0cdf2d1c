"""Which features serve accuracy: frames on the beat or in time, float16 or bytes; trains small networks, prints scores.

Scores are macro PR-AUC on the validation side of the bundled model's recipe, apart for mixes and single loops.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch

from storage.datasets.examples import Examples
from storage.datasets.plan import Mix
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.mix_plan import plan_mixes, plan_singles
from tasks.datasets.recipe import find_recipe, read_recipe
from tasks.datasets.rendering import label_row, mix_features, render_mix
from tasks.evaluation.metrics import kinds_of, macro_pr_auc
from tasks.metadata.manifests import read_manifest
from tasks.networks import NetworkConfig
from tasks.networks.inference import predict
from tasks.sources.folder import loop_from
from tasks.training.loop import TrainedNetwork, TrainingConfig, train_network

pytestmark = pytest.mark.benchmark

MIXES, SEEDS, SECONDS = 1_500, (1, 2), 8.0
TRAINING: Final = TrainingConfig(epochs=4, steps=100, patience=4)
MEL: Final = read_recipe(find_recipe("bundled-model")).mel
NETWORK: Final = NetworkConfig("separable", "auto", MEL.mels, 6)


def rendered(corpus: Path) -> dict[str, dict[str, Examples]]:
    """Splits by name, once with 256 frames to four bars, once with 256 frames to eight seconds."""
    loops = [loop_from(row) for row in read_manifest(corpus / "loops" / "manifest.csv")]
    recipe = read_recipe(find_recipe("bundled-model")).model_copy(update={"mixes": MIXES})
    plan = plan_mixes(loops, recipe) + plan_singles(loops, recipe)
    by_id, stretched, rate = {loop.loop_id: loop for loop in loops}, StretchedLoops(), recipe.mel.sample_rate
    mels: dict[str, list[np.ndarray]] = {"on the beat": [], "in time": []}
    for mix in plan:
        samples = render_mix(mix, by_id, rate, stretched)
        mels["on the beat"].append(mix_features(samples, mix.bpm, recipe.mel).astype(np.float16))
        in_time = np.resize(samples, round(SECONDS * rate))
        mels["in time"].append(mix_features(in_time, 16 * 60 / SECONDS, recipe.mel).astype(np.float16))
    return {kind: {split: side(plan, split, rows) for split in ("train", "validation")} for kind, rows in mels.items()}


def side(plan: list[Mix], split: str, rows: list[np.ndarray]) -> Examples:
    places = [place for place, mix in enumerate(plan) if mix.split == split]
    labels = np.array([label_row(plan[place]) for place in places], np.float32)
    return Examples(np.stack([rows[place] for place in places]), labels, [plan[place].mix_id for place in places])


def trained(splits: dict[str, Examples], seed: int) -> TrainedNetwork:
    training = replace(TRAINING, seed=seed)
    return train_network(NETWORK, training, MEL, splits["train"], splits["validation"], lambda epoch, loss, score: None)


def scores(network: torch.nn.Module, examples: Examples) -> str:
    kinds, answers = kinds_of(examples.mix_ids), predict(network, examples.mels)
    return "  ".join(
        f"{kind} {macro_pr_auc(examples.labels[kinds == kind], answers[kinds == kind]):.3f}"
        for kind in np.unique(kinds)
    )


def in_bytes(examples: Examples) -> Examples:
    """The same rows after 256 even steps between their lowest and highest value."""
    low, high = float(examples.mels.min()), float(examples.mels.max())
    codes = np.round((examples.mels.astype(np.float32) - low) * (255 / (high - low)))
    return replace(examples, mels=(codes * ((high - low) / 255) + low).astype(np.float16))


def test_which_features_serve_accuracy(corpus: Path) -> None:
    torch.set_num_threads(1)
    for kind, splits in rendered(corpus).items():
        for seed in SEEDS:
            network = trained(splits, seed).network
            print(f"\n{kind:12} seed {seed}  {scores(network, splits['validation'])}")
            print(f"{'  in bytes':19}  {scores(network, in_bytes(splits['validation']))}")
