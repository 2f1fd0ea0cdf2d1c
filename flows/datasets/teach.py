"""Soft labels for a data set: pretrained features of every row, and the answers of small heads trained on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from distributed import Client
from numpy.typing import NDArray
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.datasets.finished import finished_dataset
from flows.datasets.worker import ShardRequest, extract_row_features
from flows.engine.cluster import open_client, stream
from flows.engine.interrupts import StoppedError, stop_requested
from flows.engine.outcomes import Lost
from flows.terminal.progress import progress
from storage.datasets.plan import Mix
from storage.datasets.soft_labels import SoftLabels, write_soft_labels
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tasks.audio.decoding import AudioError
from tasks.datasets.rendering import label_row
from tasks.evaluation.metrics import Labels, kinds_of, summarise
from tasks.training.pretrained_features import PretrainedFeatures
from tasks.training.soft_label_heads import out_of_fold_answers

_EVEN: Final = dict.fromkeys(ROLES, 0.5)


class SoftLabelJob:
    """What the tasks of one `dataset teach` share. No dataclass: Prefect would walk through every row."""

    def __init__(self, requests: Sequence[ShardRequest], client: Client) -> None:
        """`requests` are all shards of a data set."""
        self.requests, self.client = requests, client
        self.rows: list[Mix] = [mix for request in requests for mix in request.mixes]


@flow(name="teach-dataset")
def teach_dataset(name: str, workspace: str, workers: int = 2, dask: str | None = None) -> dict[str, Any]:
    """Write soft labels for all rows of a data set beside its shards; returns the teacher's own scores.

    Raises UserError if there is no such data set or its loops are gone, StoppedError if it was stopped.
    """
    store = Workspace(Path(workspace))
    found = finished_dataset(name, store)
    with open_client(dask, workers) as client:
        job = SoftLabelJob(found.shards, client)
        soft = fit_soft_labels(job, extract_features(job), found.lock.digest, int(found.lock.recipe["seed"]))
    write_soft_labels(DatasetStore(store.datasets).folder(name), soft)
    return soft.scores


@task(cache_policy=NO_CACHE)
def extract_features(job: SoftLabelJob) -> NDArray[np.float16]:
    """Features (n, features) of all rows, in the plan's order."""
    extracted: dict[str, NDArray[np.float16]] = {}
    try:
        with progress("features of", len(job.rows)) as shown:
            batches = [[request] for request in job.requests]
            for result in stream(job.client, extract_row_features, batches, stop_requested):
                if isinstance(result, Lost):
                    raise UserError(f"reading rows of {result.item.path.name} kills its worker; look at its loops")
                extracted.update(result.receipt)
                shown.advance(sum(len(features) for _, features in result.receipt))
    except AudioError as error:
        raise UserError(f"{error} ({error.reason}); put the file right or fetch again, then teach again") from None
    if len(extracted) < len(job.requests):
        raise StoppedError(f"stopped after {len(extracted)} of {len(job.requests)} shards; teach again")
    return np.concatenate([extracted[request.path.name] for request in job.requests])


@task(cache_policy=NO_CACHE)
def fit_soft_labels(job: SoftLabelJob, features: NDArray[np.float16], digest: str, seed: int) -> SoftLabels:
    """Train the heads and answer every row; with their scores on rows they were not trained on."""
    rows = job.rows
    labels = np.array([label_row(mix) for mix in rows], np.float32)
    splits, names = np.array([mix.split for mix in rows]), [mix.mix_id for mix in rows]
    answers = out_of_fold_answers(features.astype(np.float32), labels, names, splits == "train", seed)
    scores = {
        split: _scores([names[row] for row in places], labels[places], answers[places])
        for split in ("validation", "test")
        if len(places := np.flatnonzero(splits == split))
    }
    return SoftLabels(names, answers, digest, f"musicnn front end {PretrainedFeatures().digest[:12]}", scores)


def _scores(names: Sequence[str], labels: Labels, answers: NDArray[np.float32]) -> dict[str, Any]:
    kinds = kinds_of(names)
    return {str(kind): summarise(labels[kinds == kind], answers[kinds == kind], _EVEN) for kind in np.unique(kinds)}
