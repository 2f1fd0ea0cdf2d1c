"""What a Dask worker runs: the work of `tasks`, put to rest by `storage`. Knows neither Prefect nor the ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from storage.loops import Loop
from storage.parts import LabelOutcome, read_reasons, write_part
from storage.vocabulary import Reason
from tasks.audio import AudioError
from tasks.labelling import (
    Analysis,
    LabelRecipe,
    LabelRequest,
    Watch,
    analyse_batch,
    answered,
    failed_outcome,
    label_batch,
)
from tasks.manifests import Row
from tasks.sources.folder import loop_from
from tasks.sources.measuring import measured
from tasks.watching import Service


@dataclass(frozen=True)
class PartReceipt:
    """What travels back from a labelled batch: where its part lies, how many files it holds, how many failed."""

    part: str
    files: int
    failed: int


_service: Final = Service()


def label_part(requests: Sequence[LabelRequest], recipe: LabelRecipe, folder: Path, watch: Watch) -> PartReceipt:
    """Label a batch and write its part into `folder`; a part that is there already is not made again."""
    _service.begin()
    use_one_thread()
    path = folder / part_name(requests, recipe.card.model_id)
    if path.exists():
        return _receipt(path, read_reasons(path))
    receipt = keep_part(label_batch(requests, recipe, watch), path)
    _service.done(len(requests))
    return receipt


def analyse_part(
    requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch
) -> tuple[Sequence[LabelRequest], list[Analysis | AudioError]]:
    """The decoder's half of `label_part`, for a cluster where another worker has a GPU."""
    _service.begin()
    use_one_thread()
    analyses = analyse_batch(requests, recipe, watch)
    _service.done(len(requests))
    return requests, analyses


def answer_part(
    analysed: tuple[Sequence[LabelRequest], list[Analysis | AudioError]], recipe: LabelRecipe, folder: Path
) -> PartReceipt:
    """The network's half of `label_part`, on the GPU if this worker has one."""
    from tasks.inference import load_network, on_best_device, predict_at_two_scales

    requests, analyses = analysed
    ask = partial(predict_at_two_scales, on_best_device(load_network(recipe.weights, recipe.card)))
    return keep_part(answered(requests, analyses, recipe.card, ask), folder / part_name(requests, recipe.card.model_id))


def part_name(requests: Sequence[LabelRequest], model_id: str) -> str:
    """The name of the part that a batch becomes: the same batch always gets the same."""
    keys = "\n".join(f"{request.label_key} {model_id}" for request in requests)
    return f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.parquet"


def keep_part(outcomes: Sequence[LabelOutcome], path: Path) -> PartReceipt:
    """Write outcomes as one part."""
    write_part(path, outcomes)
    return _receipt(path, [outcome.reason for outcome in outcomes])


def keep_lost(request: LabelRequest, model_id: str, reason: Reason, folder: Path) -> PartReceipt:
    """The part of a file on which no process survived long enough to say what was wrong."""
    message = "the process that read it died each time; look at the file with another tool, then rolecall retry"
    outcome = failed_outcome(request, model_id, "decode", reason, message)
    return keep_part([outcome], folder / part_name([request], model_id))


def _receipt(path: Path, reasons: Sequence[str | None]) -> PartReceipt:
    return PartReceipt(str(path), len(reasons), sum(reason is not None for reason in reasons))


def probe_rows(rows: Sequence[Row]) -> list[Loop | tuple[str, Reason, str]]:
    """Read the files of a folder's rows; each gives a loop, or its path and what is wrong with it."""
    results: list[Loop | tuple[str, Reason, str]] = []
    for row in rows:
        try:
            results.append(loop_from(row))
        except AudioError as error:
            results.append((str(row.path), error.reason, str(error)))
    return results


def measure_loops(loops: Sequence[Loop]) -> list[Loop | tuple[str, Reason, str]]:
    """Decode the files of loops that were brought; each gives the loop, or its path and what is wrong with it."""
    results: list[Loop | tuple[str, Reason, str]] = []
    for loop in loops:
        try:
            results.append(measured(loop))
        except AudioError as error:
            results.append((loop.path, error.reason, str(error)))
    return results


@lru_cache(maxsize=1)
def use_one_thread() -> None:
    """A worker is one of many: more threads than one in each only fight each other."""
    import torch

    torch.set_num_threads(1)
