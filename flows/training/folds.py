"""Cross-validation: a training for each fold on Dask workers, and one table of held-out scores."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from prefect import flow, task
from prefect.artifacts import create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import open_client, training_resources
from flows.terminal.progress import progress
from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock
from storage.datasets.plan import read_plan
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.datasets.recipe import SplitRules
from tasks.evaluation.metrics import Labels
from tasks.training.cross_validation import (
    Fold,
    answer_fold,
    decide_by_other_folds,
    make_folds,
    pooled,
    score_kinds,
    score_maps,
    units_of_rows,
)
from tasks.training.fitting import TrainingRequest, read_material


@flow(name="cross-validate")
def cross_validate(
    request: TrainingRequest, folds: int, workspace: str, workers: int = 1, dask: str | None = None
) -> list[dict[str, Any]]:
    """Scores of a training on loops that it did not learn from, fold by fold and over all; no model is stored.

    Every group of the training and the validation side is held out once; the test side stays untouched. Raises
    UserError if the request names teachers or a start, or if there are fewer groups than folds.
    """
    if request.teachers or request.start:
        raise UserError(
            "a model has learned from what the folds hold out; cross-validate without --teacher and --start"
        )
    store = Workspace(Path(workspace))
    _, examples, dealt = deal(request, folds, store)
    answers = answer_all(request, dealt, store, workers, dask)
    decided = decide_by_other_folds(examples, dealt, answers)
    rows = [
        _row(str(number + 1), examples, fold, answers[number], decided[number]) for number, fold in enumerate(dealt)
    ]
    everything = Fold(
        tuple(unit for fold in dealt for unit in fold.units),
        np.unique(np.concatenate([fold.learned for fold in dealt])),
        np.concatenate([fold.held for fold in dealt]),
    )
    rows.append(_row("all", examples, everything, np.concatenate(answers), np.concatenate(decided)))
    create_table_artifact(rows, key="folds", description=f"{request.name}: what was held out, fold by fold")
    return rows


@task(cache_policy=NO_CACHE)
def answer_all(
    request: TrainingRequest, dealt: list[Fold], store: Workspace, workers: int, dask: str | None
) -> list[Labels]:
    """The answers of each fold, trained on a worker, on a graphics card where the workers say they have one."""
    asked = [(request, len(dealt), number, str(store.root)) for number in range(len(dealt))]
    with open_client(dask, workers, memory=None) as client, progress("trained", len(dealt)) as shown:
        futures = client.map(train_fold, asked, pure=False, resources=training_resources(client))
        for future in futures:
            future.result()
            shown.advance(1)
        return [future.result() for future in futures]


def train_fold(asked: tuple[TrainingRequest, int, int, str]) -> Labels:
    """What a worker runs: one fold, from the data set on disk; returns the answers to its held rows."""
    request, folds, number, root = asked
    torch.set_num_threads(1)
    made, examples, dealt = deal(request, folds, Workspace(Path(root)))
    return answer_fold(request, made, examples, dealt[number])


def deal(request: TrainingRequest, folds: int, store: Workspace) -> tuple[DatasetLock, Examples, list[Fold]]:
    """The data set of a request, and its folds: the same whoever asks."""
    material = read_material(DatasetStore(store.datasets), request.dataset, ModelStore(store.models))
    examples = pooled(material.splits)
    rules = SplitRules(**material.made.recipe["split"])
    units = units_of_rows(material.made, read_plan(material.folder / "plan.parquet"), rules)
    return material.made, examples, make_folds(examples, units, rules, folds)


def _row(name: str, examples: Examples, fold: Fold, answers: Labels, decided: Labels) -> dict[str, Any]:
    mix_ids, labels = [examples.mix_ids[row] for row in fold.held.tolist()], examples.labels[fold.held]
    return {
        "fold": name,
        "units": len(fold.units),
        "learned": len(fold.learned),
        "held": len(fold.held),
        **score_kinds(mix_ids, labels, answers),
        **score_maps(mix_ids, labels, answers, decided),
    }
