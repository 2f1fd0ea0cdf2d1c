"""Training one model from a data set, and storing it with its card."""

from pathlib import Path

from prefect import flow, task
from prefect.artifacts import create_image_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE

from flows.terminal.streams import say
from storage.catalogue.ledger import Ledger
from storage.datasets.store import DatasetStore
from storage.models import ModelCard, ModelStore
from storage.workspace import Workspace
from tasks.training import fitting
from tasks.training.fitting import Material, TrainingRequest
from tasks.training.loop import TrainedNetwork
from tasks.training.training_curves import draw_curves


@flow(name="train-model")
def train_model(request: TrainingRequest, workspace: str) -> ModelCard:
    """Train a network on a data set of the workspace; the model is stored and entered in the ledger, not activated.

    A training that was stopped goes on where it was when the same is asked for again.
    """
    with Workspace(Path(workspace)).lock("train") as store, Ledger.of(store) as ledger:
        material = fitting.read_material(DatasetStore(store.datasets), request.dataset, ModelStore(store.models))
        checkpoint = store.models / "unfinished" / f"{request.digest}.safetensors"
        trained = fit(request, material, checkpoint)
        card = fitting.save_model(request, material, trained).card
        checkpoint.unlink(missing_ok=True)
        ledger.register_model(card)
        ledger.publish()
        return card


@task(cache_policy=NO_CACHE)
def fit(request: TrainingRequest, material: Material, checkpoint: Path) -> TrainedNetwork:
    """Train; how far it has come, and the curves when it is done, are Prefect artifacts."""
    epochs = request.training.epochs
    shown = create_progress_artifact(0.0, key="training", description=request.name)

    def report(epoch: int, loss: float, score: float) -> None:
        say(f"epoch {epoch + 1} of {epochs}: loss {loss:.4f}, validation macro PR-AUC {score:.4f}")
        update_progress_artifact(shown, 100.0 * (epoch + 1) / epochs)  # type: ignore[arg-type]

    trained = fitting.fit(request, material, checkpoint, report)
    curves = draw_curves(trained.history, material.models.root / "curves" / f"{request.digest}.png")
    create_image_artifact(curves.as_uri(), key="curves", description=f"{request.name}: loss and validation PR-AUC")
    return trained
