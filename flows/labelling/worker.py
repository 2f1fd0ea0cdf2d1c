"""What a worker on this machine runs when files are labelled: a part for each batch. No Prefect and no ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.catalogue.label_parts import LabelOutcome, read_audio_s, read_reasons, write_part
from storage.vocabulary import Reason
from tasks.labelling.batch import LetNext, Watch, label_batch, stay_alone
from tasks.labelling.outcome import failed_outcome
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import WorkerLifetime


@dataclass(frozen=True)
class PartReceipt:
    """What travels back from a labelled batch: where its part lies, its files, how many failed, seconds of audio."""

    part: str
    files: int
    failed: int
    audio_s: float


_lifetime: Final = WorkerLifetime()


def label_part(
    requests: Sequence[LabelRequest],
    recipe: LabelRecipe,
    folder: Path,
    watch: Watch,
    let_next: LetNext = stay_alone,
) -> PartReceipt:
    """Label a batch and write its part into `folder`; a part that is there already is not made again."""
    path = folder / part_name(requests, recipe.card.model_id)
    if path.exists():
        return _receipt(path, read_reasons(path), read_audio_s(path))
    let_next = begin_batch(_lifetime, len(requests), let_next)
    return save_part(label_batch(requests, recipe, watch, let_next), path)


def begin_batch(lifetime: WorkerLifetime, files: int, let_next: LetNext) -> LetNext:
    """Make this process ready for a batch of so many files, and say what to call once the next one may begin."""
    from tasks.networks.inference import use_one_thread

    goes_on = lifetime.begin(files)
    use_one_thread()
    return let_next if goes_on else stay_alone


def part_name(requests: Sequence[LabelRequest], model_id: str) -> str:
    """The name of the part that a batch becomes: the same batch always gets the same."""
    keys = "\n".join(f"{request.label_key} {model_id}" for request in requests)
    return f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.parquet"


def save_part(outcomes: Sequence[LabelOutcome], path: Path) -> PartReceipt:
    """Write outcomes as one part."""
    write_part(path, outcomes)
    return _receipt(
        path, [outcome.reason for outcome in outcomes], sum(outcome.duration_s or 0.0 for outcome in outcomes)
    )


def save_lost_file(request: LabelRequest, model_id: str, reason: Reason, folder: Path) -> PartReceipt:
    """The part of a file on which no process survived long enough to say what was wrong."""
    message = "the process that read it died each time; look at the file with another tool, then rolecall retry"
    outcome = failed_outcome(request, model_id, "decode", reason, message)
    return save_part([outcome], folder / part_name([request], model_id))


def _receipt(path: Path, reasons: Sequence[str | None], audio_s: float) -> PartReceipt:
    return PartReceipt(str(path), len(reasons), sum(reason is not None for reason in reasons), audio_s)
