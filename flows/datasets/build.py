"""Building a data set: check the loops, plan the mixes, render their features on Dask workers, write the lock."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from distributed import Client
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.datasets.worker import ShardRequest, check_loops, render_shards, shard_requests
from flows.engine.cluster import open_client, stream
from flows.engine.interrupts import StoppedError, stop_requested
from flows.engine.outcomes import Lost
from flows.terminal.progress import progress
from storage.datasets.lock import DatasetLock, dataset_digest, loop_facts, read_lock_file
from storage.datasets.plan import Mix, plan_digest, write_plan
from storage.datasets.shards import digest_if_made_of
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.loops.table import Loop, read_loops, write_loops
from storage.vocabulary import Kind, Reason
from storage.workspace import Workspace
from tasks.audio.decoding import AudioError
from tasks.datasets.balance import measure_balance
from tasks.datasets.environment import environment
from tasks.datasets.loop_checks import Unusable
from tasks.datasets.mix_plan import plan_mixes, plan_singles
from tasks.datasets.recipe import Recipe, read_recipe
from tasks.datasets.rendering import RENDER_VERSION
from tasks.datasets.selection import labelled_loops, needs_key
from tasks.sources.attribution import licence_counts, write_dataset_credits

_LOOPS_AT_ONCE: Final = 32
_NAMED: Final = 5
_KILLS: Final = (Reason.WORKER_KILLED, "kills whatever reads it")


@dataclass(frozen=True)
class Rebuilt:
    """A data set made from a lock, and how it differs from it: changed shards, and the environment then and now."""

    made: DatasetLock
    plan_is_equal: bool
    changed_shards: tuple[str, ...]
    changed_environment: dict[str, tuple[str | None, str | None]]

    @property
    def is_equal(self) -> bool:
        """Whether every byte is the same."""
        return self.plan_is_equal and not self.changed_shards


@flow(name="build-dataset")
def build_dataset(
    recipe: str,
    workspace: str,
    mixes: int | None = None,
    workers: int = 2,
    dask: str | None = None,
    keep_audio: bool = False,
) -> DatasetLock:
    """Make the data set that a recipe file describes from the loops of the workspace."""
    read = read_recipe(Path(recipe))
    chosen = read if mixes is None else read.model_copy(update={"mixes": mixes})
    with Workspace(Path(workspace)).lock("dataset build") as store, open_client(dask, workers) as client:
        return _made(Build(chosen, store, client, check_all_loops(chosen, store, client), keep_audio))


@flow(name="rebuild-dataset")
def rebuild_dataset(lock_file: str, workspace: str, workers: int = 2, dask: str | None = None) -> Rebuilt:
    """Make a data set again from its lock, from loops with the same bytes; raises UserError naming those missing."""
    was = read_lock_file(Path(lock_file))
    recipe = Recipe.model_validate(was.recipe)
    with Workspace(Path(workspace)).lock("dataset build") as store, open_client(dask, workers) as client:
        loops, missing = was.located(read_loops(store.loops))
        if missing:
            named = "; ".join(f"{one['loop_id']} ({one['url'] or one['source']})" for one in missing[:_NAMED])
            raise UserError(
                f"{len(missing)} of {len(was.loops)} loops of {lock_file} are not in this workspace with the same "
                f"bytes: {named}{'; …' if len(missing) > _NAMED else ''}; fetch them, then build again"
            )
        require_unchanged(loops, client)
        made = _made(Build(recipe, store, client, loops))
    names = was.environment.keys() | made.environment.keys()
    return Rebuilt(
        made,
        plan_is_equal=made.plan_digest == was.plan_digest,
        changed_shards=tuple(sorted(name for name, digest in was.shards.items() if made.shards.get(name) != digest)),
        changed_environment={
            name: (was.environment.get(name), made.environment.get(name))
            for name in sorted(names)
            if was.environment.get(name) != made.environment.get(name)
        },
    )


class Build:
    """What the tasks of one build share. No dataclass: Prefect would walk through every mix of the plan."""

    def __init__(
        self, recipe: Recipe, store: Workspace, client: Client, loops: Sequence[Loop], keep_audio: bool = False
    ) -> None:
        """Plan the mixes and the single loops."""
        self.recipe, self.store, self.client = recipe, store, client
        self.datasets = DatasetStore(store.datasets)
        self.loops = {loop.loop_id: loop for loop in loops}
        self.plan = plan_mixes(loops, recipe) + plan_singles(loops, recipe)
        self.audio = self.datasets.folder(recipe.name) / "audio" if keep_audio else None


def _made(build: Build) -> DatasetLock:
    return lock(build, render(build))


@task(cache_policy=NO_CACHE)
def check_all_loops(recipe: Recipe, workspace: Workspace, client: Client) -> list[Loop]:
    """All loops of the workspace; those that the recipe may use are checked and have a key, which the table stores.

    Raises UserError naming the usable loops whose files are no longer what was fetched.
    """
    every = read_loops(workspace.loops)
    wanted = labelled_loops(every, recipe)
    checked = {loop.loop_id: loop for loop in _checked(wanted, recipe, client)}
    loops = [checked.get(loop.loop_id, loop) for loop in every]
    if loops != every:
        write_loops(workspace.loops, loops)
    return loops


@task(cache_policy=NO_CACHE)
def require_unchanged(loops: Sequence[Loop], client: Client) -> None:
    """Raise UserError naming loops whose files are no longer what was fetched."""
    _checked(loops, None, client)


def _file_of(loop: Loop) -> str:
    return loop.path


def _checked(loops: Sequence[Loop], recipe: Recipe | None, client: Client) -> list[Loop]:
    requests = [(loop, recipe is not None and needs_key(loop, recipe)) for loop in sorted(loops, key=_file_of)]
    batches = [requests[start : start + _LOOPS_AT_ONCE] for start in range(0, len(requests), _LOOPS_AT_ONCE)]
    checked: list[Loop] = []
    unusable: list[Unusable] = []
    with progress("checked", len(loops)) as shown:
        for result in stream(client, check_loops, batches, stop_requested):
            if isinstance(result, Lost):
                unusable.append(Unusable(result.item[0].path, *_KILLS))
                continue
            for one in result.receipt:
                (unusable if isinstance(one, Unusable) else checked).append(one)  # type: ignore[arg-type]
            shown.advance(len(result.receipt))
    if unusable:
        named = "; ".join(f"{one.path} ({one.reason}: {one.message})" for one in unusable[:_NAMED])
        raise UserError(
            f"{len(unusable)} of {len(loops)} loops cannot be used: {named}{'; …' if len(unusable) > _NAMED else ''}; "
            "put the files right or fetch again, then build again"
        )
    if len(checked) < len(loops):
        raise StoppedError(f"stopped after {len(checked)} of {len(loops)} loops; build it again to finish")
    return checked


@task(cache_policy=NO_CACHE)
def render(build: Build) -> dict[str, str]:
    """Render every shard that is not there yet; returns file names and digests.

    Raises StoppedError if it was stopped, UserError if the disk is full or a loop can no longer be decoded or kills its
    worker: the shards that are finished stay, and the next build goes on from there.
    """
    name, datasets = build.recipe.name, build.datasets
    requests = list(shard_requests(build.plan, build.loops, build.recipe, datasets, environment(), build.audio))
    digests = _finished(requests)
    missing = [request for request in requests if request.path.name not in digests]
    if missing:
        datasets.reopen(name)
    rows = sum(len(request.mixes) for request in missing)
    try:
        with progress("rendered", rows) as shown:
            for result in stream(build.client, render_shards, [[one] for one in missing], stop_requested):
                if isinstance(result, Lost):
                    raise UserError(f"rendering {result.item.path.name} kills its worker; look at its loops")
                for receipt in result.receipt:
                    digests[receipt.name] = receipt.digest
                    shown.advance(receipt.rows)
    except AudioError as error:
        raise UserError(f"{error} ({error.reason}); put the file right or fetch again, then build again") from None
    except OSError as error:
        raise UserError(
            f"cannot write the data set {name}: {error.strerror or error}; make room, then build again: "
            "finished shards stay"
        ) from None
    if len(digests) < len(requests):
        raise StoppedError(f"stopped after {len(digests)} of {len(requests)} shards; build it again to finish")
    datasets.remove_all_but(name, digests.keys())
    return digests


def _finished(requests: Iterable[ShardRequest]) -> dict[str, str]:
    """Names and digests of the shards that an earlier run finished, with their audio where that is wanted."""
    digests = {}
    for request in requests:
        silent = request.audio is not None and any(
            not (request.audio / f"{mix.mix_id}.flac").exists() for mix in request.mixes
        )
        digest = None if silent else digest_if_made_of(request.path, request.ingredients)
        if digest is not None:
            digests[request.path.name] = digest
    return digests


@task(cache_policy=NO_CACHE)
def lock(build: Build, shards: dict[str, str]) -> DatasetLock:
    """Write the plan, the credits and, last of all, the lock that makes it a data set."""
    recipe, plan, loops, mel = build.recipe, build.plan, build.loops, build.recipe.mel
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
        environment=environment(),
        mixes=sum(mix.kind == "mix" for mix in plan),
        singles=sum(mix.kind == "loop" for mix in plan),
        cuts=sum(mix.kind == "cut" for mix in plan),
        roles={role: sum(role in mix.roles for mix in plan if mix.kind == "mix") for role in recipe.roles},
        splits=dict(Counter(mix.split for mix in plan)),
        groups=_groups(plan, loops),
        balance=asdict(measure_balance(plan, recipe)),
        loops=[loop_facts(loop) for loop in used],
        licences=licence_counts(used),
        shards=dict(sorted(shards.items())),
        oneshots=sum(mix.kind == Kind.ONESHOT for mix in plan),
    )
    folder = build.datasets.folder(recipe.name)
    write_plan(folder / "plan.parquet", plan)
    write_dataset_credits(f"the data set {recipe.name}", plan, loops, folder)
    build.datasets.write_lock(made)
    return made


def _groups(plan: Sequence[Mix], loops: dict[str, Loop]) -> dict[str, list[str]]:
    groups: dict[str, set[str]] = {}
    for mix in plan:
        groups.setdefault(mix.split, set()).update(loops[voice.loop_id].group for voice in mix.voices)
    return {split: sorted(names) for split, names in groups.items()}
