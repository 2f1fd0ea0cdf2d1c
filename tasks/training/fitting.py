"""From a training request to a stored model: train, calibrate, choose thresholds, score the test split."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock
from storage.datasets.soft_labels import read_soft_labels
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.models import ModelCard, ModelStore, StoredModel, identify
from storage.vocabulary import ROLES
from tasks.datasets.recipe import SplitRules
from tasks.evaluation.calibration import calibrate, choose_bands, choose_thresholds, fit_calibration
from tasks.evaluation.metrics import common_pr_auc, kinds_of, summarise
from tasks.evaluation.reliability import bootstrap_interval, calibration_error, decisions
from tasks.features.mel_config import MelConfig
from tasks.networks import NetworkConfig
from tasks.networks.counting import multiplications, parameters
from tasks.networks.inference import predict
from tasks.networks.speed import audio_seconds_per_second
from tasks.sources.attribution import pass_on_credits
from tasks.training.distillation import load_teacher, name_teacher
from tasks.training.loop import TrainedNetwork, TrainingConfig, train_network

_ROUNDS: Final = 100

Report = Callable[[int, float, float], None]


@dataclass(frozen=True)
class TrainingRequest:
    """A training as it is asked for; models go by id or name.

    `teachers` are those that a student imitates, or paths of exported programs; `start` is the one whose weights are
    trained further.
    """

    dataset: str
    network: str
    pooling: str
    width: int
    training: TrainingConfig
    teachers: tuple[str, ...] = ()
    start: str | None = None

    @property
    def name(self) -> str:
        """What the model is called."""
        student = "-student" if self.teachers else ""
        return f"{self.network}-{self.pooling}-{self.training.loss}{student}-{self.dataset}"

    @property
    def digest(self) -> str:
        """A digest of the whole request, for the name of its checkpoint."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Material:
    """What a training works with: a data set's folder, lock and splits, the store of models.

    `teacher` names who gave the training split its soft labels, if anyone did.
    """

    folder: Path
    made: DatasetLock
    splits: dict[str, Examples]
    models: ModelStore
    teacher: str | None = None


def read_material(datasets: DatasetStore, name: str, models: ModelStore) -> Material:
    """The data set in memory, with its soft labels; raises UserError if there is none of that name."""
    made, folder = datasets.read_lock(name), datasets.folder(name)
    splits = {split: datasets.read_split(name, split) for split in ("train", "validation", "test")}
    splits = {split: replace(rows, units=_units(made, rows.mix_ids)) for split, rows in splits.items()}
    soft = read_soft_labels(folder, made.digest)
    if soft is None:
        return Material(folder, made, splits, models)
    splits["train"] = replace(splits["train"], soft_labels=soft.of(splits["train"].mix_ids))
    return Material(folder, made, splits, models, soft.teacher)


def _units(made: DatasetLock, mix_ids: Sequence[str]) -> list[str]:
    """The unit that each single loop and cut belongs to; a mix, which has several, stands for itself."""
    rules = SplitRules(**made.recipe["split"])
    unit_of = {loop["loop_id"]: rules.unit_of(loop["group"]) for loop in made.loops}
    return [unit_of.get(mix_id.partition("-")[2], mix_id) for mix_id in mix_ids]


def network_config(request: TrainingRequest, made: DatasetLock) -> NetworkConfig:
    """The network that a request asks for, for the features of this data set."""
    return NetworkConfig(request.network, request.pooling, int(made.mel["mels"]), len(ROLES), request.width)


def fit(request: TrainingRequest, material: Material, checkpoint: Path, report: Report) -> TrainedNetwork:
    """Train on the training split, choose by the validation split; goes on from the checkpoint if there is one."""
    return train_network(
        network_config(request, material.made),
        request.training,
        MelConfig(**material.made.mel),
        material.splits["train"],
        material.splits["validation"],
        report,
        checkpoint=checkpoint,
        teacher=load_teacher(material.models, request.teachers, MelConfig(**material.made.mel)),
        start=_start(request, material),
    )


def _start(request: TrainingRequest, material: Material) -> dict[str, Tensor] | None:
    """The weights to start from, if the request names a model; raises UserError if that is another network."""
    if request.start is None:
        return None
    stored = material.models.load(request.start)
    if stored.card.network != network_config(request, material.made).to_dict():
        raise UserError(f"model {request.start} is another network than the one that is asked for; see its card")
    return load_file(stored.weights)


def save_model(request: TrainingRequest, material: Material, trained: TrainedNetwork) -> StoredModel:
    """Calibrate and choose thresholds on the validation split, score the test split, write weights and card."""
    made, network = material.made, trained.network
    config, frames = network_config(request, made), 4 * int(made.mel["frames_per_bar"])
    weights = save({name: tensor.contiguous() for name, tensor in network.state_dict().items()})
    raw = {split: predict(network, material.splits[split].mels) for split in ("validation", "test")}
    held = material.splits["validation"]
    calibration = fit_calibration(held.mix_ids, held.labels, raw["validation"])
    answers = {split: calibrate(given, calibration) for split, given in raw.items()}
    thresholds = choose_thresholds(held.mix_ids, held.labels, answers["validation"])
    unsure = choose_bands(held.mix_ids, held.labels, answers["validation"], thresholds, held.units)
    start = None if request.start is None else material.models.load(request.start).card
    card = ModelCard(
        model_id="",
        name=request.name,
        network=config.to_dict(),
        mel=made.mel,
        roles=list(ROLES),
        thresholds=thresholds,
        unsure=unsure,
        calibration=calibration,
        loss=request.training.loss,
        parameters=parameters(network),
        weights_digest=hashlib.sha256(weights).hexdigest(),
        dataset_name=made.name,
        dataset_digest=made.digest,
        training={
            **asdict(request.training),
            "teachers": [name_teacher(material.models, name) for name in request.teachers],
            "start": None if start is None else start.model_id,
            "soft_labels": material.teacher,
            **asdict(trained.history),
        },
        metrics={split: _scores(material.splits[split], answers[split], thresholds, unsure) for split in answers},
        cost={
            "multiplications": multiplications(network, frames, config.mels),
            "audio_seconds_per_second": audio_seconds_per_second(network, frames, config.mels),
        },
        licences=_licences(made, start),
        groups=_groups(made, start),
        code_version=version("rolecall"),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    stored = material.models.save(identify(card), weights)
    pass_on_credits(material.folder, stored.weights.parent)
    return stored


def _groups(made: DatasetLock, start: ModelCard | None) -> dict[str, list[str]]:
    """The groups on each side; what the model learned from before it was trained further, it has learned from."""
    if start is None:
        return made.groups
    side_of = {group: side for groups in (start.groups, made.groups) for side, held in groups.items() for group in held}
    side_of |= dict.fromkeys(start.groups.get("train", ()), "train")
    return {side: sorted(group for group in side_of if side_of[group] == side) for side in made.groups}


def _licences(made: DatasetLock, start: ModelCard | None) -> list[dict[str, Any]]:
    """The loops by source and licence, with those that only the model before it learned from."""
    named = {(entry["source"], entry["licence"]): entry for entry in (start.licences if start else [])}
    named |= {(entry["source"], entry["licence"]): entry for entry in made.licences}
    return [named[both] for both in sorted(named)]


def _scores(
    examples: Examples,
    answers: NDArray[np.float32],
    thresholds: dict[str, float],
    unsure: dict[str, tuple[float, float]],
) -> dict[str, dict[str, Any]]:
    """Scores apart for mixes, single loops and cuts of compositions, as far as there are any."""
    kinds = kinds_of(examples.mix_ids)
    scores = {}
    for kind in np.unique(kinds):
        labels, given = examples.labels[kinds == kind], answers[kinds == kind]
        rows = [str(row) for row in range(len(labels))]
        scores[str(kind)] = {
            **summarise(labels, given, thresholds),
            "macro_pr_auc_interval": bootstrap_interval(labels, given, common_pr_auc, rows, _ROUNDS),
            "calibration_error": calibration_error(labels, given),
            "decisions": decisions(labels, given, thresholds, unsure),
        }
    return scores
