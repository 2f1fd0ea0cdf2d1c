"""What a Dask worker runs: the work of `tasks`, put to rest by `storage`. Knows neither Prefect nor the ledger."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from storage.loops import Loop
from storage.parts import LabelOutcome, write_part
from storage.vocabulary import Reason
from tasks.audio import AudioError
from tasks.labelling import LabelRecipe, LabelRequest, label_batch
from tasks.manifests import Row
from tasks.sources.folder import loop_from
from tasks.sources.measuring import measured


@dataclass(frozen=True)
class PartReceipt:
    """What travels back from a labelled batch: where its part lies, how many files it holds, how many failed."""

    part: str
    files: int
    failed: int


def label_part(requests: Sequence[LabelRequest], recipe: LabelRecipe, folder: Path) -> PartReceipt:
    """Label a batch and write its part into `folder`; the same batch always gets the same name."""
    _use_one_thread()
    return keep_part(label_batch(requests, recipe), folder)


def keep_part(outcomes: Sequence[LabelOutcome], folder: Path) -> PartReceipt:
    """Write outcomes as one part."""
    keys = "\n".join(f"{outcome.label_key} {outcome.model_id}" for outcome in outcomes)
    path = folder / f"{hashlib.sha256(keys.encode()).hexdigest()[:24]}.parquet"
    write_part(path, outcomes)
    return PartReceipt(str(path), len(outcomes), sum(outcome.reason is not None for outcome in outcomes))


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
def _use_one_thread() -> None:
    """A worker is one of many: more threads than one in each only fight each other."""
    import torch

    torch.set_num_threads(1)
