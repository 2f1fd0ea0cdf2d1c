"""Sweeps: many trainings in parallel on Dask workers, and their leaderboard as a table and a picture."""

from pathlib import Path
from typing import Any

import torch
from distributed import as_completed
from prefect import flow, task
from prefect.artifacts import create_image_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import open_client, training_resources
from flows.terminal.progress import progress
from flows.terminal.streams import say
from storage.catalogue.ledger import Ledger
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.models import ModelCard, ModelStore
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tasks.networks.speed import SEGMENT_S
from tasks.training import fitting
from tasks.training.fitting import TrainingRequest
from tasks.training.sweeps import first_round, read_sweep, second_round
from tasks.training.training_curves import draw_leaderboard


@flow(name="sweep-models")
def sweep_models(
    sweep: str, dataset: str, workspace: str, workers: int = 1, dask: str | None = None
) -> list[ModelCard]:
    """Train everything that a sweep file describes; all models are stored and entered in the ledger, best first."""
    read = read_sweep(Path(sweep))
    with Workspace(Path(workspace)).lock("train") as store, Ledger.of(store) as ledger:
        mel = DatasetStore(store.datasets).read_lock(dataset).mel
        requests = first_round(read, dataset, 4 * int(mel["frames_per_bar"]), int(mel["mels"]), len(ROLES))
        trained = train_all(requests, store, workers, dask)
        again = second_round(read, list(trained), [validation_score(card) for card in trained.values()])
        cards = [*trained.values(), *train_all(again, store, workers, dask).values()]
        for card in cards:
            ledger.register_model(card)
        ledger.publish()
        return present(cards, store)


@task(cache_policy=NO_CACHE)
def train_all(
    requests: list[TrainingRequest], store: Workspace, workers: int, dask: str | None
) -> dict[TrainingRequest, ModelCard]:
    """Train each request on a worker, on a graphics card where the workers say they have one; cards in order.

    One that fails is reported and left out, and the others go on. Raises UserError if none is left.
    """
    cards: dict[TrainingRequest, ModelCard] = {}
    models = ModelStore(store.models)
    with open_client(dask, workers, memory=None) as client, progress("trained", len(requests)) as shown:
        kept = [(request, str(store.root)) for request in requests]
        futures = client.map(train_one, kept, pure=False, resources=training_resources(client))
        asked = dict(zip(futures, requests, strict=True))
        for future in as_completed(futures, loop=client.loop):
            if future.status == "finished":
                card = cards[asked[future]] = models.load(future.result()).card
                say(f"{card.model_id} {card.name}: validation macro PR-AUC {validation_score(card):.4f}")
            else:
                say(f"failed: {future.exception()}")
            shown.advance(1)
    if requests and not cards:
        raise UserError("no training of the sweep came to its end; the reasons are above")
    return {request: cards[request] for request in requests if request in cards}


def train_one(asked: tuple[TrainingRequest, str]) -> str:
    """What a worker runs: one training from the data set on disk; returns the model's id."""
    request, root = asked
    torch.set_num_threads(1)
    store = Workspace(Path(root))
    material = fitting.read_material(DatasetStore(store.datasets), request.dataset, ModelStore(store.models))
    checkpoint = store.models / "unfinished" / f"{request.digest}.safetensors"
    trained = fitting.fit(request, material, checkpoint, lambda epoch, loss, score: None)
    card = fitting.save_model(request, material, trained).card
    checkpoint.unlink(missing_ok=True)
    return str(card.model_id)


@task(cache_policy=NO_CACHE)
def present(cards: list[ModelCard], store: Workspace) -> list[ModelCard]:
    """The leaderboard as Prefect artifacts, a table and a picture; the cards by validation score, best first."""
    ranked = sorted(cards, key=validation_score, reverse=True)
    rows = [leaderboard_row(card) for card in ranked]
    create_table_artifact(rows, key="leaderboard", description="models of a sweep, best on validation first")
    picture = draw_leaderboard(
        [f"{row['network']} {row['pooling']} {row['loss']}" for row in rows],
        [row["validation_pr_auc"] for row in rows],
        [row["mmac"] for row in rows],
        store.models / "curves" / "leaderboard.png",
    )
    create_image_artifact(picture.as_uri(), key="leaderboard-picture", description="score against cost")
    say(f"picture: {picture}")
    return ranked


def leaderboard_row(card: ModelCard) -> dict[str, Any]:
    """What a leaderboard says of a model; the interval is a bootstrap over the test mixes."""
    mixes = card.metrics["test"].get("mix", {})
    low, high = mixes.get("macro_pr_auc_interval") or (None, None)
    return {
        "model_id": card.model_id,
        "network": card.network["network"],
        "pooling": card.network["pooling"],
        "loss": card.loss,
        "seed": card.training["seed"],
        "steps": card.training["epochs"] * card.training["steps"],
        "parameters": card.parameters,
        "mmac": round(card.cost["multiplications"] / 1e6, 1),
        "cpu_ms": round(1e3 * SEGMENT_S / card.cost["audio_seconds_per_second"], 2),
        "validation_pr_auc": round(validation_score(card), 4),
        "test_mix_pr_auc": mixes.get("macro_pr_auc"),
        "low": low,
        "high": high,
    }


def validation_score(card: ModelCard) -> float:
    """The best validation score of a model's training."""
    return float(card.training["best"])
