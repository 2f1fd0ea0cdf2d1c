"""Training a model from a data set, scoring it on what it never saw, and keeping it with its card."""

import hashlib
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from safetensors.torch import save

from flows.progress import say
from storage.datasets import DatasetLock, DatasetStore, Examples
from storage.ledger import Ledger
from storage.models import ModelCard, ModelStore, StoredModel, identify
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tasks.attribution import pass_on_credits
from tasks.inference import predict
from tasks.metrics import best_threshold, summarise
from tasks.networks import NetworkConfig
from tasks.training import TrainedNetwork, TrainingConfig, train_network

_UNSURE_HALF_WIDTH = 0.1


@flow(name="train-model")
def train_model(
    dataset: str, workspace: str, network: str = "separable", pooling: str = "auto", epochs: int = 40, steps: int = 100
) -> ModelCard:
    """Train a network on a data set of the workspace; the model is kept and made known, not activated."""
    with Workspace(Path(workspace)).lock("train") as store, Ledger.of(store) as ledger:
        datasets = DatasetStore(store.datasets)
        made = datasets.read_lock(dataset)
        splits = {split: datasets.read_split(dataset, split) for split in ("train", "validation", "test")}
        config = NetworkConfig(network, pooling, int(made.mel["mels"]), len(ROLES))
        training = TrainingConfig(epochs=epochs, steps=steps)
        trained = fit(config, training, splits)
        stored = keep(trained, config, training, made, splits, ModelStore(store.models))
        pass_on_credits(datasets.folder(dataset), stored.weights.parent)
        ledger.register_model(stored.card)
        ledger.publish()
        return stored.card


@task(cache_policy=NO_CACHE)
def fit(config: NetworkConfig, training: TrainingConfig, splits: dict[str, Examples]) -> TrainedNetwork:
    """Train on the training split, stop by the validation split."""

    def report(epoch: int, loss: float, score: float) -> None:
        say(f"epoch {epoch + 1} of {training.epochs}: loss {loss:.4f}, validation macro PR-AUC {score:.4f}")

    return train_network(config, training, splits["train"], splits["validation"], report)


@task(cache_policy=NO_CACHE)
def keep(
    trained: TrainedNetwork,
    config: NetworkConfig,
    training: TrainingConfig,
    made: DatasetLock,
    splits: dict[str, Examples],
    models: ModelStore,
) -> StoredModel:
    """Choose thresholds on the validation split, score the test split with them, write weights and card."""
    weights = save({name: tensor.contiguous() for name, tensor in trained.network.state_dict().items()})
    answers = {split: predict(trained.network, splits[split].mels) for split in ("validation", "test")}
    thresholds = choose_thresholds(splits["validation"], answers["validation"])
    card = ModelCard(
        model_id="",
        name=f"{config.network}-{config.pooling}-{made.name}",
        network=config.to_dict(),
        mel=made.mel,
        roles=list(ROLES),
        thresholds=thresholds,
        unsure={role: _band(threshold) for role, threshold in thresholds.items()},
        loss="bce",
        parameters=sum(parameter.numel() for parameter in trained.network.parameters()),
        weights_digest=hashlib.sha256(weights).hexdigest(),
        dataset_name=made.name,
        dataset_digest=made.digest,
        training={**asdict(training), "losses": trained.losses, "validation_pr_auc": trained.validation_pr_auc},
        metrics={split: _scores(splits[split], answers[split], thresholds) for split in answers},
        licences=made.licences,
        groups=made.groups,
        code_version=version("rolecall"),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return models.save(identify(card), weights)


def choose_thresholds(examples: Examples, answers: NDArray[np.float32]) -> dict[str, float]:
    """A threshold for each role, mixes, single loops and cuts counting the same."""
    rows = [_kinds(examples) == kind for kind in np.unique(_kinds(examples))]
    return {
        role: best_threshold([(examples.labels[kind, place], answers[kind, place]) for kind in rows])
        for place, role in enumerate(ROLES)
    }


def _scores(
    examples: Examples, answers: NDArray[np.float32], thresholds: dict[str, float]
) -> dict[str, dict[str, Any]]:
    """Scores apart for mixes, single loops and cuts of compositions, as far as there are any."""
    kinds = _kinds(examples)
    return {
        str(kind): summarise(examples.labels[kinds == kind], answers[kinds == kind], thresholds)
        for kind in np.unique(kinds)
    }


def _kinds(examples: Examples) -> NDArray[np.str_]:
    return np.array([mix_id.split("-", 1)[0] for mix_id in examples.mix_ids])


def _band(threshold: float) -> tuple[float, float]:
    low, high = threshold - _UNSURE_HALF_WIDTH, threshold + _UNSURE_HALF_WIDTH
    return round(max(0.0, low), 2), round(min(1.0, high), 2)
