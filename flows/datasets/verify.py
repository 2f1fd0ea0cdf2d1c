"""Verifying a data set: shards against the lock's digests, and rows against a new rendering."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from distributed import Client
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.datasets.finished import finished_dataset
from flows.datasets.worker import ShardRequest, compare_shards
from flows.engine.cluster import open_client, stream
from flows.engine.interrupts import StoppedError, stop_requested
from flows.engine.outcomes import Lost
from flows.terminal.progress import progress
from storage.datasets.plan import plan_digest
from storage.errors import UserError
from storage.files import sha256_of
from storage.loops.table import Loop
from storage.paths import path_of
from storage.workspace import Workspace
from tasks.datasets.environment import environment
from tasks.datasets.feature_diff import RowDifference

_ROWS_AT_ONCE: Final = 64


@dataclass(frozen=True)
class Verification:
    """What was found: rows that differ by more than rounding, and by rounding; changed shards and loops by name.

    `largest` is the largest difference of a log-mel value, `largest_steps` the same in steps of float16;
    `changed_environment` maps what decides bytes to what it was and what it is.
    """

    name: str
    rows: int
    checked: int
    plan_is_equal: bool
    differing: list[RowDifference]
    rounded: list[RowDifference]
    largest: float
    largest_steps: float
    changed_shards: list[str]
    changed_loops: list[str]
    changed_environment: dict[str, tuple[str | None, str | None]]

    @property
    def holds(self) -> bool:
        """Whether the data set is what its lock says, rounding aside."""
        return self.plan_is_equal and not (self.differing or self.changed_shards or self.changed_loops)


class Comparison:
    """Rows to render again, and where. No dataclass: Prefect would walk through every row."""

    def __init__(self, requests: Sequence[ShardRequest], client: Client) -> None:
        """`requests` are the rows to render, `client` where."""
        self.requests, self.client = requests, client


@flow(name="verify-dataset")
def verify_dataset(
    name: str, workspace: str, sample: int | None, workers: int = 2, dask: str | None = None
) -> Verification:
    """Compare a data set with its lock, and `sample` of its rows (all where it is None) with what is rendered now.

    All rows of a changed shard are compared, so that the changed ones are named.
    """
    found = finished_dataset(name, Workspace(Path(workspace)))
    lock, requests = found.lock, found.shards
    changed = [request.path.name for request in requests if _digest(request.path) != lock.shards[request.path.name]]
    chosen = _chosen(requests, set(changed), sample)
    with open_client(dask, workers) as client:
        rows = compare(Comparison(chosen, client))
    now = environment()
    return Verification(
        name=name,
        rows=len(found.plan),
        checked=sum(len(request.mixes) for request in chosen),
        plan_is_equal=plan_digest(found.plan) == lock.plan_digest,
        differing=[row for row in rows if not row.is_rounding],
        rounded=[row for row in rows if row.is_rounding],
        largest=max((row.largest for row in rows), default=0.0),
        largest_steps=max((row.steps for row in rows), default=0.0),
        changed_shards=changed,
        changed_loops=_changed_loops(found.loops),
        changed_environment={
            key: (lock.environment.get(key), now.get(key))
            for key in sorted(lock.environment.keys() | now.keys())
            if lock.environment.get(key) != now.get(key)
        },
    )


@task(cache_policy=NO_CACHE)
def compare(comparison: Comparison) -> list[RowDifference]:
    """Render rows again on the workers; those that are not equal bit for bit. Raises StoppedError if it was stopped."""
    requests = comparison.requests
    found: list[RowDifference] = []
    rows, done = sum(len(request.mixes) for request in requests), 0
    with progress("compared", rows) as shown:
        for result in stream(comparison.client, compare_shards, [[request] for request in requests], stop_requested):
            if isinstance(result, Lost):
                raise UserError(f"rendering rows of {result.item.path.name} kills its worker; look at its loops")
            found += result.receipt
            count = sum(len(request.mixes) for request in result.batch)
            shown.advance(count)
            done += count
    if done < rows:
        raise StoppedError(f"stopped after {done} of {rows} rows; verify again")
    return sorted(found, key=lambda row: (row.shard, row.mix_id))


def _chosen(requests: Sequence[ShardRequest], changed: set[str], sample: int | None) -> list[ShardRequest]:
    """The rows to compare, in small batches: a fixed random sample, and all of the changed shards."""
    rows = [(request, place) for request in requests for place in range(len(request.mixes))]
    drawn = np.random.default_rng(0).permutation(len(rows))[:sample]
    places: dict[str, list[int]] = {}
    for index in sorted(drawn.tolist()):
        request, place = rows[index]
        places.setdefault(request.path.name, []).append(place)
    batches = []
    for request in requests:
        name = request.path.name
        wanted = list(range(len(request.mixes))) if name in changed else places.get(name, [])
        for start in range(0, len(wanted), _ROWS_AT_ONCE):
            mixes = tuple(request.mixes[place] for place in wanted[start : start + _ROWS_AT_ONCE])
            batches.append(replace(request, mixes=mixes))
    return batches


def _changed_loops(loops: Sequence[Loop]) -> list[str]:
    expected = {loop.path: loop.sha256 for loop in loops}
    return sorted(path for path, digest in expected.items() if _digest(path_of(path)) != digest)


def _digest(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None
