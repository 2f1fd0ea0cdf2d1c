"""Commands `dataset build`, `teach`, `verify`, `list` and `show`."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.options import (
    DaskOption,
    JsonOption,
    WorkersOption,
    WorkspaceOption,
    ready_for_flows,
    workspace_at,
)
from flows.engine.interrupts import stop_on_interrupt
from flows.terminal.streams import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError
from storage.vocabulary import ROLES

if TYPE_CHECKING:
    from flows.datasets.verify import Verification
    from storage.datasets.plan import Mix
    from storage.datasets.store import DatasetStore
    from storage.workspace import Workspace

_PICTURED = 6

dataset = typer.Typer(help="Data sets of mixes.", no_args_is_help=True)


@dataset.command("build")
def dataset_build(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    recipe: Annotated[
        str | None,
        typer.Argument(help="A recipe file, or the name of a shipped one: default, paper, …"),
    ] = None,
    mixes: Annotated[int | None, typer.Option(min=1, help="Another number of mixes than the recipe's.")] = None,
    lock: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A dataset.lock to build again, in place of a recipe.")
    ] = None,
    keep_audio: Annotated[bool, typer.Option("--keep-audio", help="Write every mix as FLAC too.")] = False,
    dask: DaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan mixes of single-role loops, render their features, and lock what was made."""
    where = workspace_at(workspace)
    if lock is not None:
        if recipe is not None or mixes is not None or keep_audio:
            raise UserError("--lock names everything; leave the recipe, --mixes and --keep-audio out")
        _rebuild(lock, where.root, workers, dask, as_json)
        return
    from tasks.datasets.recipe import find_recipe, read_recipe

    path = find_recipe(recipe or "default")
    read_recipe(path)
    ready_for_flows(where)
    from flows.datasets.build import build_dataset

    with stop_on_interrupt():
        made = build_dataset(str(path), str(where.root), mixes, workers, dask, keep_audio)
    _print_dataset(asdict(made), as_json)


def _rebuild(lock: Path, workspace: Path, workers: int, dask: str | None, as_json: bool) -> None:
    from storage.datasets.lock import read_lock_file

    read_lock_file(lock)
    ready_for_flows(workspace_at(workspace))
    from flows.datasets.build import rebuild_dataset

    with stop_on_interrupt():
        rebuilt = rebuild_dataset(str(lock.absolute()), str(workspace), workers, dask)
    for name, (was, now) in rebuilt.changed_environment.items():
        say(f"{name} was {was}, is {now}")
    if not rebuilt.plan_is_equal:
        say("the plan is not the lock's: this rolecall draws mixes otherwise")
    if rebuilt.changed_shards:
        say(f"{len(rebuilt.changed_shards)} of {len(rebuilt.made.shards)} shards have other bytes than the lock's")
    if as_json:
        summary = _summary(asdict(rebuilt.made))
        print_json({**summary, "equal": rebuilt.is_equal, "changed_shards": list(rebuilt.changed_shards)})
        return
    _print_dataset(asdict(rebuilt.made), as_json=False)
    say("every byte is the lock's" if rebuilt.is_equal else "rolecall dataset verify says how far rows are apart")


@dataset.command("teach")
def dataset_teach(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    name: Annotated[str, typer.Argument(help="A data set of the workspace.")],
    dask: DaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute soft labels for every row from a pretrained network; `train` then uses them."""
    from storage.datasets.store import DatasetStore

    where = workspace_at(workspace)
    DatasetStore(where.datasets).read_lock(name)
    ready_for_flows(where)
    from flows.datasets.teach import teach_dataset

    with stop_on_interrupt():
        scores = teach_dataset(name, str(where.root), workers, dask)
    if as_json:
        print_json(scores)
        return
    rows = [
        [split, kind, found["segments"], *(_shown(found[f"macro_{measure}"]) for measure in ("pr_auc", "roc_auc"))]
        for split, kinds in scores.items()
        for kind, found in kinds.items()
    ]
    print_rows(["split", "kind", "rows", "macro PR-AUC", "macro ROC-AUC"], rows, Format.TABLE)


def _shown(score: float | None) -> str:
    return "" if score is None else f"{score:.3f}"


@dataset.command("verify")
def dataset_verify(
    workspace: WorkspaceOption,
    workers: WorkersOption,
    name: Annotated[str, typer.Argument(help="A data set of the workspace.")],
    sample: Annotated[int, typer.Option(min=1, help="How many rows to render again.")] = 256,
    every: Annotated[bool, typer.Option("--all", help="Render every row again.")] = False,
    dask: DaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare shards with their digests, and rows with what is rendered now; exit code 1 names what differs."""
    from storage.datasets.store import DatasetStore

    where = workspace_at(workspace)
    DatasetStore(where.datasets).read_lock(name)
    ready_for_flows(where)
    from flows.datasets.verify import verify_dataset

    with stop_on_interrupt():
        found = verify_dataset(name, str(where.root), None if every else sample, workers, dask)
    if as_json:
        print_json({**asdict(found), "holds": found.holds})
    else:
        _print_verification(found)
    if not found.holds:
        raise typer.Exit(ExitCode.FAILED)


def _print_verification(found: "Verification") -> None:
    equal = found.checked - len(found.differing) - len(found.rounded)
    print(f"{found.checked} of {found.rows} rows rendered again: {equal} equal, {len(found.rounded)} but for rounding")
    print(f"largest difference {found.largest:.6g}, {found.largest_steps:.3g} steps of float16")
    if not found.plan_is_equal:
        print("plan.parquet is not the lock's")
    for path in found.changed_loops:
        print(f"other bytes than the lock's: {path}")
    for shard in found.changed_shards:
        print(f"other bytes than the lock's: {shard}")
    for row in found.differing:
        print(f"differs: {row.mix_id} in {row.shard}, by {row.largest:.6g}")
    for name, (was, now) in found.changed_environment.items():
        print(f"{name} was {was}, is {now}")


@dataset.command("list")
def dataset_list(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The finished data sets."""
    from storage.datasets.store import DatasetStore

    store = DatasetStore(workspace_at(workspace).datasets)
    locks = [store.read_lock(name) for name in store.names()]
    if as_json:
        print_json([_summary(asdict(lock)) for lock in locks])
    else:
        rows = [[lock.name, lock.digest[:12], lock.mixes, lock.singles, lock.cuts, lock.oneshots] for lock in locks]
        print_rows(["name", "digest", "mixes", "singles", "cuts", "oneshots"], rows, Format.TABLE)


@dataset.command("show")
def dataset_show(
    workspace: WorkspaceOption,
    name: Annotated[str, typer.Argument()],
    picture: Annotated[
        Path | None, typer.Option(metavar="OUT.png", help="Where to draw the mels of a few mixes.")
    ] = None,
    listen: Annotated[int, typer.Option(min=0, help="Write so many mixes as FLAC, to listen to.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """What a data set is made of: roles, tempos, keys; a picture of its mels; a few mixes to listen to."""
    from storage.datasets.plan import read_plan
    from storage.datasets.store import DatasetStore

    where = workspace_at(workspace)
    store = DatasetStore(where.datasets)
    lock = store.read_lock(name)
    plan = read_plan(store.folder(name) / "plan.parquet")
    if as_json:
        print_json(asdict(lock))
    else:
        _print_dataset(asdict(lock), as_json=False)
        _print_histograms([mix for mix in plan if mix.kind == "mix"])
    if picture is not None:
        _draw(store, name, picture)
    if listen:
        _listen(where, plan, store.folder(name) / "audio", listen)


def _print_histograms(mixes: "list[Mix]") -> None:
    """Tempos in tens and keys, each with a bar of its share; nothing for a data set without mixes."""
    if not mixes:
        return
    tempos = Counter(f"{10 * int(mix.bpm // 10):3d} to {10 * int(mix.bpm // 10) + 9}" for mix in mixes)
    keys = Counter(f"{mix.key} {mix.mode or ''}".strip() if mix.key else "none" for mix in mixes)
    for title, counts, order in (
        ("beats per minute", tempos, sorted(tempos)),
        ("key", keys, [key for key, _ in keys.most_common()]),
    ):
        print()
        most = max(counts.values())
        rows = [[label, counts[label], "█" * round(30 * counts[label] / most)] for label in order]
        print_rows([title, "mixes", ""], rows, Format.TABLE)


def _draw(store: "DatasetStore", name: str, target: Path) -> None:
    from tasks.datasets.mel_plots import draw_mels

    examples = store.read_split(name, "train")
    places = [place for place, mix_id in enumerate(examples.mix_ids) if mix_id.startswith("mix-")]
    chosen = places[:: max(1, len(places) // _PICTURED)][:_PICTURED]
    titles = [
        f"{examples.mix_ids[place]}: "
        + " + ".join(role for role, on in zip(ROLES, examples.labels[place], strict=True) if on > 0)
        for place in chosen
    ]
    draw_mels(examples.mels[chosen], titles, target)
    say(f"drawn: {target}")


def _listen(where: "Workspace", plan: "list[Mix]", folder: Path, number: int) -> None:
    from storage.loops.table import read_loops
    from tasks.datasets.audition import keep_some

    for path in keep_some(plan, {loop.loop_id: loop for loop in read_loops(where.loops)}, folder, number):
        say(f"to listen to: {path}")


def _summary(lock: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "digest", "plan_digest", "mixes", "singles", "cuts", "oneshots", "roles", "splits", "balance")
    return {name: lock[name] for name in names}


def _print_dataset(lock: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(_summary(lock))
        return
    counts = ", ".join(f"{lock[name]} {name}" for name in ("mixes", "singles", "cuts", "oneshots"))
    print(f"data set {lock['name']} {lock['digest'][:12]}: {counts}")
    splits = lock["balance"]["roles"]
    rows = [[role, total, *(splits[split][role] for split in splits)] for role, total in lock["roles"].items()]
    print_rows(["role", "mixes", *splits], rows, Format.TABLE)
