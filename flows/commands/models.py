"""Commands `train`, `evaluate` and `models …`: training, evaluating and choosing models."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flows.commands.options import (
    DaskOption,
    JsonOption,
    WorkspaceOption,
    ready_for_flows,
    workspace_at,
)
from flows.terminal.score_tables import (
    print_card,
    print_card_scores,
    print_interval,
    print_map_scores,
    print_robustness,
    print_scores,
)
from flows.terminal.streams import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError
from storage.workspace import Workspace

if TYPE_CHECKING:
    from tasks.training.fitting import TrainingRequest

models = typer.Typer(help="The models there are.", no_args_is_help=True)
app = typer.Typer()


@app.command()
def train(
    context: typer.Context,
    workspace: WorkspaceOption,
    name: Annotated[str, typer.Argument(metavar="DATASET", help="A data set of the workspace.")],
    network: Annotated[
        str, typer.Option(help="Which network: separable, square, vertical, harmonic, musicnn.")
    ] = "separable",
    pooling: Annotated[
        str, typer.Option(help="Over time: auto, auto-constrained, auto-regularised, attention, max, mean.")
    ] = "auto",
    loss: Annotated[str, typer.Option(help="Which loss: bce, focal, asymmetric, class-balanced.")] = "bce",
    width: Annotated[int | None, typer.Option(min=1, help="Channels; the network's own unless given.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="At most so many epochs.")] = 40,
    steps: Annotated[int, typer.Option(min=1, help="Batches in an epoch.")] = 100,
    batch: Annotated[int, typer.Option(min=2, help="Segments in a batch.")] = 64,
    patience: Annotated[int, typer.Option(min=1, help="End after so many epochs without a better score.")] = 12,
    parts: Annotated[
        float, typer.Option(min=0, help="Weight of telling the roles apart in every beat and band; separable only.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of all random choices.")] = 2026,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="A model to imitate, by id or name, or a file of torch.export; several make an ensemble."),
    ] = None,
    imitation: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the loss that comes from --teacher; the rest is the labels'.")
    ] = 0.7,
    start: Annotated[str | None, typer.Option(help="A model to train further, by id or name.")] = None,
    stay: Annotated[float, typer.Option(min=0, max=1, help="Share of the weights of --start that is kept.")] = 0.0,
    rate: Annotated[float, typer.Option(min=0, help="Peak learning rate; for --start less is enough.")] = 3e-3,
    sweep: Annotated[
        str | None, typer.Option(help="Many trainings: a TOML file, or the name of a shipped one: leaderboard, paper.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Cross-validate: train so many times, each without some of the groups.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Trainings beside each other, of a sweep or of folds.")] = 1,
    dask: DaskOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a network, or with --sweep many; models are kept with their cards, and activated by `models activate`.

    With --folds no model is stored; the scores on held-out groups of loops are printed.
    """
    from storage.datasets.store import DatasetStore
    from tasks.networks import NETWORKS, POOLINGS, WIDTHS
    from tasks.training.fitting import TrainingRequest
    from tasks.training.loop import TrainingConfig
    from tasks.training.losses import LOSSES

    if sweep is not None and folds is not None:
        raise UserError("--sweep and --folds are two kinds of work; ask for one of them")
    if stay and start is None:
        raise UserError("--stay says how much of --start is kept; name a model with --start")
    if sweep is not None:
        _require_sweep_alone(context)
    where = workspace_at(workspace)
    DatasetStore(where.datasets).read_lock(name)
    if sweep is not None:
        _train_sweep(sweep, name, where, workers, dask, as_json)
        return
    _choose("network", network, NETWORKS)
    _choose("pooling", pooling, POOLINGS)
    _choose("loss", loss, LOSSES)
    weights = {"learning_rate": rate, "parts": parts, "stay": stay, "imitation": imitation}
    training = TrainingConfig(loss, epochs, steps, batch, patience=patience, seed=seed, **weights)
    request = TrainingRequest(name, network, pooling, width or WIDTHS[network], training, tuple(teacher or ()), start)
    if folds is None:
        _train_one(request, where, as_json)
    else:
        _train_folds(request, folds, where, workers, dask, as_json)


def _require_sweep_alone(context: typer.Context) -> None:
    """Raise UserError for options of one training: a sweep's file says them for each of its trainings."""
    alone = ("network", "pooling", "loss", "width", "epochs", "steps", "batch", "patience", "parts", "seed", "teacher")
    for name in (*alone, "start", "stay", "rate", "imitation"):
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"--{name} is for one training; a sweep takes it from its file; leave out one of them")


def _train_sweep(sweep: str, dataset: str, where: Workspace, workers: int, dask: str | None, as_json: bool) -> None:
    from tasks.training.sweeps import find_sweep, read_sweep

    path = find_sweep(sweep)
    read_sweep(path)
    ready_for_flows(where)
    from flows.training.sweep import leaderboard_row, sweep_models

    cards = sweep_models(str(path.absolute()), dataset, str(where.root), workers, dask)
    _print_table([leaderboard_row(card) for card in cards], as_json)


def _train_folds(
    request: "TrainingRequest", folds: int, where: Workspace, workers: int, dask: str | None, as_json: bool
) -> None:
    ready_for_flows(where)
    from flows.training.folds import cross_validate

    _print_table(cross_validate(request, folds, str(where.root), workers, dask), as_json)


def _train_one(request: "TrainingRequest", where: Workspace, as_json: bool) -> None:
    ready_for_flows(where)
    from flows.training.train import train_model

    card = train_model(request, str(where.root))
    if as_json:
        print_json(asdict(card))
        return
    print(f"model {card.model_id} ({card.name}), {card.parameters} parameters")
    print_card_scores(asdict(card), "test")
    say(f"rolecall models activate {card.model_id} lets the catalogue answer from it")


def _choose(what: str, name: str, known: Any) -> None:
    if name not in known:
        raise UserError(f"no {what} {name!r}; choose from {', '.join(sorted(known))}")


def _print_table(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    print_rows(list(rows[0]), [list(row.values()) for row in rows], Format.JSON if as_json else Format.TABLE)


@app.command()
def evaluate(
    workspace: WorkspaceOption,
    model: Annotated[str, typer.Argument(help="A model's id or name; default is the bundled one.")],
    on: Annotated[
        str,
        typer.Option(
            help="loops, mixes, cuts or oneshots of the model's data set; or a folder: of compositions (*/mix.*, "
            "*/truth.csv, */info.json), of loops with a manifest.csv, or of annotated maps (*.npy) beside your copies "
            "of the tracks."
        ),
    ],
    split: Annotated[str, typer.Option(help="Which side of the model's split: test, validation or train.")] = "test",
    groups: Annotated[
        list[str] | None, typer.Option(help="Only groups of loops like this, such as 'zyn_*'; folders only.")
    ] = None,
    apart: Annotated[
        list[str] | None,
        typer.Option(help="Also score groups like these apart, such as 'real=evr_*,lmms_*'; folders only."),
    ] = None,
    robustness: Annotated[
        bool, typer.Option(help="Also after MP3, other levels, speeds, a low-pass; folders only.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write a Markdown report here, its pictures beside it.")] = None,
    failures: Annotated[Path | None, typer.Option(help="Write the surest errors and their pictures here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model on what it did not learn from: loops, mixes, or whole compositions as maps."""
    from storage.datasets.store import DatasetStore
    from storage.models import ModelStore
    from tasks.evaluation.annotated_maps import has_annotations, score_annotated
    from tasks.evaluation.model_scores import evaluate_model, gather
    from tasks.evaluation.named_groups import read_named_groups, score_apart
    from tasks.labelling.request import LabelRecipe
    from tasks.networks.inference import load_network

    where, kinds = workspace_at(workspace), [read_named_groups(text) for text in apart or ()]
    stored = ModelStore(where.models).load(model)
    if has_annotations(Path(on)):
        if robustness or report or failures or groups or kinds or split != "test":
            raise UserError(
                f"{on} holds annotated maps: they are scored with --json alone, and no model has learned them"
            )
        print_map_scores(score_annotated(Path(on), LabelRecipe.of(stored)), stored.card.model_id, as_json)
        return
    material = gather(on, DatasetStore(where.datasets), stored.card, split, tuple(groups or ()))
    if kinds and not material.excerpts:
        raise UserError(f"rows of the kind {on!r} are not told apart by group; name a folder with --on")
    result = evaluate_model(material, load_network(stored.weights, stored.card), stored.card, robustness)
    scored_apart = score_apart(result, stored.card, kinds)
    if report is not None:
        from tasks.evaluation.reports import write_report

        say(f"report: {write_report(report, stored.card, result)}")
    if failures is not None:
        from tasks.evaluation.failures import write_failures

        say(f"{len(write_failures(result, stored.card, failures))} failures: {failures}")
    if as_json:
        print_json({"model_id": stored.card.model_id, "split": split, **result.to_dict(), "apart": scored_apart})
        return
    print_scores(
        result.scores, f"{on}, {len(result.taken)} groups of the {split} side, {len(result.left_out)} left out"
    )
    for name, between in result.intervals.items():
        print_interval(name, between, "groups")
    if scored_apart:
        _print_table(scored_apart, as_json)
    if result.robustness:
        print_robustness(result.robustness)
    say(f"taken: {', '.join(result.taken)}")


@models.command("list")
def models_list(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The bundled model and those trained here."""
    from storage.models import ModelStore
    from storage.published.queries import ask

    where = workspace_at(workspace)
    active = {row[0] for row in ask(where, "SELECT model_id FROM models WHERE active").rows}
    columns = ["model_id", "name", "parameters", "macro_pr_auc", "macro_roc_auc", "active", "created_at"]
    rows = [
        [*(getattr(card, name) for name in columns[:5]), card.model_id in active, card.created_at]
        for card in ModelStore(where.models).list()
    ]
    print_rows(columns, rows, Format.JSON if as_json else Format.TABLE)


@models.command("show")
def models_show(
    workspace: WorkspaceOption,
    model: Annotated[str, typer.Argument()],
    pictures: Annotated[Path | None, typer.Option(help="Put the card's pictures into this folder.")] = None,
    as_json: JsonOption = False,
) -> None:
    """A model's card."""
    from storage.models import ModelStore, copy_pictures

    stored = ModelStore(workspace_at(workspace).models).load(model)
    card = stored.card
    if pictures is not None:
        for path in copy_pictures(stored, pictures):
            say(f"picture: {path}")
    if as_json:
        print_json(asdict(card))
        return
    print_card(asdict(card))


@models.command("explain")
def models_explain(
    workspace: WorkspaceOption,
    model: Annotated[str, typer.Argument()],
    folder: Annotated[Path, typer.Argument(help="What `evaluate --failures` wrote, with a `why` for each failure.")],
) -> None:
    """Put explained failures and the pictures of a folder into a model's card; what it answers does not change."""
    from storage.models import ModelStore

    where = workspace_at(workspace)
    with where.lock("models explain"):
        card = ModelStore(where.models).explain(model, folder)
    print(f"{card.model_id} ({card.name}): {len(card.failures)} failures explained")


@models.command("activate")
def models_activate(workspace: WorkspaceOption, model: Annotated[str, typer.Argument()]) -> None:
    """Let the public views answer from this model, if it has labelled here."""
    from storage.catalogue.ledger import Ledger
    from storage.models import ModelStore

    where = workspace_at(workspace)
    card = ModelStore(where.models).load(model).card
    with where.lock("models activate"), Ledger.of(where) as ledger:
        ledger.register_model(card)
        ledger.activate_model(card.model_id)
        ledger.publish()
    print(f"active: {card.model_id} ({card.name})")
