"""A data set that is there, made ready to be worked on again: verified, or taught."""

from dataclasses import dataclass

from flows.datasets.worker import ShardRequest, shard_requests
from storage.datasets.lock import DatasetLock
from storage.datasets.plan import Mix, read_plan
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.loops.table import Loop, read_loops
from storage.workspace import Workspace
from tasks.datasets.environment import environment
from tasks.datasets.recipe import Recipe


@dataclass(frozen=True)
class FinishedDataset:
    """A data set that is there: its lock, its loops at their places here, and its shards in the plan's order."""

    lock: DatasetLock
    loops: list[Loop]
    plan: list[Mix]
    shards: list[ShardRequest]


def finished_dataset(name: str, store: Workspace) -> FinishedDataset:
    """A finished data set of a workspace; raises UserError if there is none, or its loops are not all here."""
    datasets = DatasetStore(store.datasets)
    lock = datasets.read_lock(name)
    loops, missing = lock.located(read_loops(store.loops))
    if missing:
        raise UserError(
            f"{len(missing)} of {len(lock.loops)} loops of {name} are not in this workspace, {missing[0]['loop_id']} "
            "for one; fetch them, then do this again"
        )
    plan = read_plan(datasets.folder(name) / "plan.parquet")
    by_id = {loop.loop_id: loop for loop in loops}
    shards = shard_requests(plan, by_id, Recipe.model_validate(lock.recipe), datasets, environment())
    return FinishedDataset(lock, loops, plan, list(shards))
