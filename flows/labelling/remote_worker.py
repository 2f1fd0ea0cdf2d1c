"""What a worker runs that shares no disk with the flow: it is given the model once, and sends its parts back.

It knows no Prefect, no Dask and no ledger; `flows.engine.worker_setup` calls `make_ready` on each worker.
"""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Final

from flows.labelling.worker import begin_batch
from storage.catalogue.label_parts import LabelOutcome, part_bytes
from storage.errors import UserError
from storage.files import sha256_of, write_bytes_atomically
from storage.models import ModelCard, StoredModel
from tasks.labelling.batch import Analysed, LetNext, analyse_batch, answered, label_batch, stay_alone
from tasks.labelling.request import LABEL_VERSION, LabelRecipe, LabelRequest
from tasks.labelling.watchdog import Watchdog, WorkerLifetime

_LABELS_DEPEND_ON: Final = ("numpy", "scipy", "soxr", "soundfile", "torch", "pyarrow", "tinytag")
_PACKAGES: Final = ("flows", "tasks", "storage")


@dataclass(frozen=True)
class SentPart:
    """What travels back from a batch: name and bytes of a part, its files, those that failed, its seconds of audio."""

    name: str
    content: bytes
    files: int
    failed: int
    audio_s: float


@dataclass(frozen=True)
class ModelForWorkers:
    """What a worker is given once: the model with its weights, and what the worker must be like."""

    card: ModelCard
    weights: bytes
    versions: Mapping[str, str]

    @classmethod
    def of(cls, model: StoredModel) -> "ModelForWorkers":
        """A stored model for workers that are to be like this process."""
        return cls(model.card.to_answer(), model.weights.read_bytes(), versions())

    @property
    def mark(self) -> str:
        """A name that differs wherever anything that is in it does."""
        told = f"{self.card.model_id} {self.card.weights_digest} {sorted(self.versions.items())}"
        return f"rolecall-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class RemoteBatches:
    """What is the same for all batches of a run: the mark of its model, its id, and the seconds a file may take."""

    mark: str
    run_id: str
    time_limit_s: float


@dataclass(frozen=True)
class _Ready:
    recipe: LabelRecipe
    folder: Path

    def watch(self, run: RemoteBatches) -> Watchdog:
        """Notes of one run only: that a worker was lost in an earlier one says nothing of its file."""
        return Watchdog(self.folder / "reading" / run.run_id, run.time_limit_s)


_ready: Final[dict[str, _Ready]] = {}
_lifetime: Final = WorkerLifetime()


def make_ready(given: ModelForWorkers, folder: Path, who: str) -> None:
    """Check this process, and keep the model in a folder of its machine, where it is found again after a restart.

    Raises UserError naming the worker, `who`, and how it differs from the flow.
    """
    here = versions()
    differing = [f"{name} {here.get(name)} and not {wanted}" for name, wanted in given.versions.items()
                 if here.get(name) != wanted]  # fmt: skip
    if differing:
        raise UserError(f"{who} is not like this flow: {', '.join(differing)}; install the same there")
    weights = folder / f"{given.card.weights_digest}.safetensors"
    if not weights.exists() or sha256_of(weights) != given.card.weights_digest:
        write_bytes_atomically(weights, given.weights)
    if sha256_of(weights) != given.card.weights_digest:
        raise UserError(f"{who} got other weights than the card of {given.card.model_id} describes; look at its disk")
    _ready[given.mark] = _Ready(LabelRecipe(given.card, weights), folder)


def label_and_send(requests: Sequence[LabelRequest], run: RemoteBatches, let_next: LetNext = stay_alone) -> SentPart:
    """Label a batch; its part travels back."""
    let_next = begin_batch(_lifetime, len(requests), let_next)
    ready = _ready[run.mark]
    return sent_part(label_batch(requests, ready.recipe, ready.watch(run), let_next))


def analyse_there(
    requests: Sequence[LabelRequest], run: RemoteBatches, let_next: LetNext = stay_alone
) -> list[Analysed]:
    """The decoder's half of `label_and_send`, for a cluster where another worker has a GPU."""
    let_next = begin_batch(_lifetime, len(requests), let_next)
    ready = _ready[run.mark]
    return analyse_batch(requests, ready.recipe.card, ready.watch(run), let_next)


def answer_and_send(analysed: Sequence[Analysed], run: RemoteBatches) -> SentPart:
    """The network's half of `label_and_send`, on the GPU if this worker has one."""
    from tasks.networks.inference import load_network, on_best_device, predict_at_two_scales

    recipe = _ready[run.mark].recipe
    ask = partial(predict_at_two_scales, on_best_device(load_network(recipe.weights, recipe.card)))
    return sent_part(answered(analysed, recipe.card, ask))


def sent_part(outcomes: Sequence[LabelOutcome]) -> SentPart:
    """Outcomes as the part that travels back; the same batch always gets the same name."""
    keys = "\n".join(f"{outcome.label_key} {outcome.model_id}" for outcome in outcomes)
    failed = sum(outcome.reason is not None for outcome in outcomes)
    name = f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.parquet"
    audio_s = sum(outcome.duration_s or 0.0 for outcome in outcomes)
    return SentPart(name, part_bytes(outcomes), len(outcomes), failed, audio_s)


@cache
def versions() -> dict[str, str]:
    """All that the labels of a file depend on besides the model, as this process has it."""
    return {
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "rolecall": version("rolecall"),
        "labels": str(LABEL_VERSION),
        "code": _code_digest(),
        **{name: version(name) for name in _LABELS_DEPEND_ON},
    }


def _code_digest() -> str:
    """A digest of the code of rolecall: two checkouts may call themselves by the same version."""
    digest = hashlib.sha256()
    for package in _PACKAGES:
        root = Path(str(resources.files(package)))
        for path in sorted(root.rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
