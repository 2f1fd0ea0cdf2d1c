"""What a Dask worker runs when files are labelled: one part for each batch. It knows no Prefect and no ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from storage.catalogue.label_parts import LabelOutcome, read_reasons, write_part
from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError
from tasks.labelling.analysis import Analysis
from tasks.labelling.batch import Watch, analyse_batch, answered, label_batch
from tasks.labelling.outcome import failed_outcome
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import WorkerLifetime


@dataclass(frozen=True)
class PartReceipt:
    """What travels back from a labelled batch: where its part lies, how many files it holds, how many failed."""

    part: str
    files: int
    failed: int


_lifetime: Final = WorkerLifetime()


def label_part(requests: Sequence[LabelRequest], recipe: LabelRecipe, folder: Path, watch: Watch) -> PartReceipt:
    """Label a batch and write its part into `folder`; a part that is there already is not made again."""
    from tasks.networks.inference import use_one_thread

    _lifetime.begin()
    use_one_thread()
    path = folder / part_name(requests, recipe.card.model_id)
    if path.exists():
        return _receipt(path, read_reasons(path))
    receipt = save_part(label_batch(requests, recipe, watch), path)
    _lifetime.done(len(requests))
    return receipt


def analyse_part(
    requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch
) -> tuple[Sequence[LabelRequest], list[Analysis | AudioError]]:
    """The decoder's half of `label_part`, for a cluster where another worker has a GPU."""
    from tasks.networks.inference import use_one_thread

    _lifetime.begin()
    use_one_thread()
    analyses = analyse_batch(requests, recipe, watch)
    _lifetime.done(len(requests))
    return requests, analyses


def answer_part(
    analysed: tuple[Sequence[LabelRequest], list[Analysis | AudioError]], recipe: LabelRecipe, folder: Path
) -> PartReceipt:
    """The network's half of `label_part`, on the GPU if this worker has one."""
    from tasks.networks.inference import load_network, on_best_device, predict_at_two_scales

    requests, analyses = analysed
    ask = partial(predict_at_two_scales, on_best_device(load_network(recipe.weights, recipe.card)))
    return save_part(answered(requests, analyses, recipe.card, ask), folder / part_name(requests, recipe.card.model_id))


def part_name(requests: Sequence[LabelRequest], model_id: str) -> str:
    """The name of the part that a batch becomes: the same batch always gets the same."""
    keys = "\n".join(f"{request.label_key} {model_id}" for request in requests)
    return f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.parquet"


def save_part(outcomes: Sequence[LabelOutcome], path: Path) -> PartReceipt:
    """Write outcomes as one part."""
    write_part(path, outcomes)
    return _receipt(path, [outcome.reason for outcome in outcomes])


def save_lost_file(request: LabelRequest, model_id: str, reason: Reason, folder: Path) -> PartReceipt:
    """The part of a file on which no process survived long enough to say what was wrong."""
    message = "the process that read it died each time; look at the file with another tool, then rolecall retry"
    outcome = failed_outcome(request, model_id, "decode", reason, message)
    return save_part([outcome], folder / part_name([request], model_id))


def _receipt(path: Path, reasons: Sequence[str | None]) -> PartReceipt:
    return PartReceipt(str(path), len(reasons), sum(reason is not None for reason in reasons))
