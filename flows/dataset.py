"""Building a data set: plan the mixes, render their features on Dask workers, lock what was made."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine import Lost, open_client, stream
from flows.interrupts import stop_requested
from flows.progress import progress
from flows.worker import ShardRequest, render_shards
from storage.datasets import DatasetLock, DatasetStore, dataset_digest
from storage.errors import UserError
from storage.loops import Loop, read_loops
from storage.plans import Mix, plan_digest, write_plan
from storage.workspace import Workspace
from tasks.attribution import licence_counts, write_dataset_credits
from tasks.mixing import plan_mixes, plan_singles
from tasks.recipe import Recipe, read_recipe
from tasks.rendering import RENDER_VERSION

_SHARD_MIXES: Final = 250
_BYTES_DEPEND_ON: Final = ("numpy", "scipy", "soundfile", "soxr", "python-stretch", "pyarrow")


@flow(name="build-dataset")
def build_dataset(recipe: str, workspace: str, mixes: int | None = None, workers: int = 2) -> DatasetLock:
    """Make the data set that a recipe file describes from the loops of the workspace."""
    read = read_recipe(Path(recipe))
    chosen = read if mixes is None else read.model_copy(update={"mixes": mixes})
    with Workspace(Path(workspace)).lock("dataset build") as store:
        loops = {loop.loop_id: loop for loop in read_loops(store.loops)}
        plan = plan_mixes(list(loops.values()), chosen) + plan_singles(list(loops.values()), chosen)
        shards = render(plan, loops, chosen, store, workers)
        return lock(plan, loops, chosen, store, shards)


@task(cache_policy=NO_CACHE)
def render(
    plan: Sequence[Mix], loops: dict[str, Loop], recipe: Recipe, workspace: Workspace, workers: int
) -> dict[str, str]:
    """Render every shard; returns file names and digests.

    Raises UserError if it was stopped, or if a loop can no longer be decoded or kills its worker.
    """
    requests = list(_shard_requests(plan, loops, recipe, DatasetStore(workspace.datasets)))
    digests: dict[str, str] = {}
    with open_client(None, workers) as client, progress("rendered", len(plan)) as shown:
        for result in stream(client, render_shards, [[request] for request in requests], stop_requested):
            if isinstance(result, Lost):
                raise UserError(f"rendering {result.item.path.name} kills its worker; fetch again to check the loops")
            for receipt in result.receipt:
                digests[receipt.name] = receipt.digest
                shown.advance(receipt.mixes)
    if len(digests) < len(requests):
        raise UserError(f"stopped after {len(digests)} of {len(requests)} shards; build it again to finish")
    return digests


@task(cache_policy=NO_CACHE)
def lock(
    plan: Sequence[Mix], loops: dict[str, Loop], recipe: Recipe, workspace: Workspace, shards: dict[str, str]
) -> DatasetLock:
    """Write the plan, the credits and, last of all, the lock that makes it a data set."""
    datasets, mel = DatasetStore(workspace.datasets), recipe.mel
    used = [loops[loop_id] for loop_id in sorted({voice.loop_id for mix in plan for voice in mix.voices})]
    digest = plan_digest(plan)
    made = DatasetLock(
        name=recipe.name,
        digest=dataset_digest(digest, mel.digest, RENDER_VERSION, shards),
        recipe=recipe.model_dump(mode="json"),
        recipe_digest=recipe.digest(),
        plan_digest=digest,
        mel=asdict(mel),
        mel_digest=mel.digest,
        render_version=RENDER_VERSION,
        versions={name: version(name) for name in _BYTES_DEPEND_ON},
        mixes=sum(mix.kind == "mix" for mix in plan),
        singles=sum(mix.kind == "loop" for mix in plan),
        cuts=sum(mix.kind == "cut" for mix in plan),
        roles={role: sum(role in mix.roles for mix in plan if mix.kind == "mix") for role in recipe.roles},
        splits=dict(Counter(mix.split for mix in plan)),
        groups=_groups(plan, loops),
        loops={loop.loop_id: loop.sha256 for loop in used},
        licences=licence_counts(used),
        shards=shards,
    )
    folder = datasets.folder(recipe.name)
    write_plan(folder / "plan.parquet", plan)
    write_dataset_credits(f"the data set {recipe.name}", plan, loops, folder)
    datasets.write_lock(made)
    return made


def _shard_requests(
    plan: Sequence[Mix], loops: dict[str, Loop], recipe: Recipe, datasets: DatasetStore
) -> Iterator[ShardRequest]:
    for number, start in enumerate(range(0, len(plan), _SHARD_MIXES)):
        mixes = tuple(plan[start : start + _SHARD_MIXES])
        used = {voice.loop_id: loops[voice.loop_id] for mix in mixes for voice in mix.voices}
        yield ShardRequest(datasets.shard_path(recipe.name, number), mixes, used, recipe.mel)


def _groups(plan: Sequence[Mix], loops: dict[str, Loop]) -> dict[str, list[str]]:
    groups: dict[str, set[str]] = {}
    for mix in plan:
        groups.setdefault(mix.split, set()).update(loops[voice.loop_id].group for voice in mix.voices)
    return {split: sorted(names) for split, names in groups.items()}
