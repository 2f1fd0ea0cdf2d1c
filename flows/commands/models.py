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
from flows.terminal.progress import say
from flows.terminal.tables import Format, print_json, print_rows
from storage.errors import UserError

if TYPE_CHECKING:
    from tasks.evaluation.annotated_maps import MapScores

models = typer.Typer(help="The models there are.", no_args_is_help=True)
app = typer.Typer()

_SCORES = (
    "prevalence",
    "pr_auc",
    "roc_auc",
    "balanced_accuracy",
    "f1",
    "always_on_f1",
    "accuracy",
    "always_on_accuracy",
)


@app.command()
def train(
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
        list[str] | None, typer.Option(help="A model to imitate, by id or name; several make an ensemble.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="A model to train further, by id or name.")] = None,
    stay: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the weights of --start in the trained ones that are kept.")
    ] = 0.0,
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
    from storage.datasets.lock import DatasetStore

    if sweep is not None and folds is not None:
        raise UserError("--sweep and --folds are two kinds of work; ask for one of them")

    if stay and start is None:
        raise UserError("--stay says how much of --start is kept; name a model with --start")
    where = workspace_at(workspace)
    DatasetStore(where.datasets).read_lock(name)
    if sweep is not None:
        from tasks.training.sweeps import find_sweep, read_sweep

        path = find_sweep(sweep)
        read_sweep(path)
        ready_for_flows(where)
        from flows.training.sweep import leaderboard_row, sweep_models

        board = [
            leaderboard_row(card) for card in sweep_models(str(path.absolute()), name, str(where.root), workers, dask)
        ]
        _print_table(board, as_json)
        return
    from tasks.networks import NETWORKS, POOLINGS, WIDTHS
    from tasks.training.fitting import TrainingRequest
    from tasks.training.loop import TrainingConfig
    from tasks.training.losses import LOSSES

    _choose("network", network, NETWORKS)
    _choose("pooling", pooling, POOLINGS)
    _choose("loss", loss, LOSSES)
    training = TrainingConfig(
        loss=loss,
        epochs=epochs,
        steps=steps,
        batch_size=batch,
        learning_rate=rate,
        patience=patience,
        parts=parts,
        stay=stay,
        seed=seed,
    )
    request = TrainingRequest(name, network, pooling, width or WIDTHS[network], training, tuple(teacher or ()), start)
    ready_for_flows(where)
    if folds is not None:
        from flows.training.folds import cross_validate

        _print_table(cross_validate(request, folds, str(where.root), workers, dask), as_json)
        return
    from flows.training.train import train_model

    card = train_model(request, str(where.root))
    if as_json:
        print_json(asdict(card))
    else:
        print(f"model {card.model_id} ({card.name}), {card.parameters} parameters")
        _print_card_scores(asdict(card), "test")
        say(f"rolecall models activate {card.model_id} lets the catalogue answer from it")


@app.command()
def evaluate(
    workspace: WorkspaceOption,
    model: Annotated[str, typer.Argument(help="A model's id or name; default is the bundled one.")],
    on: Annotated[
        str,
        typer.Option(
            help="loops, mixes or cuts of the model's data set; or a folder: of compositions (*/mix.*, */truth.csv, "
            "*/info.json), of loops with a manifest.csv, or of annotated maps (*.npy) beside your copies of the tracks."
        ),
    ],
    split: Annotated[str, typer.Option(help="Which side of the model's split: test, validation or train.")] = "test",
    groups: Annotated[
        list[str] | None, typer.Option(help="Only groups of loops like this, such as 'zyn_*'; folders only.")
    ] = None,
    robustness: Annotated[
        bool, typer.Option(help="Also after MP3, other levels, speeds, a low-pass; folders only.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write a Markdown report here, its pictures beside it.")] = None,
    failures: Annotated[Path | None, typer.Option(help="Write the surest errors and their pictures here.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score a model on what it did not learn from: loops, mixes, or whole compositions as maps."""
    from storage.datasets.lock import DatasetStore
    from storage.models import ModelStore
    from tasks.evaluation.annotated_maps import has_annotations, score_annotated
    from tasks.evaluation.model_scores import evaluate_model, gather
    from tasks.labelling.request import LabelRecipe
    from tasks.networks.inference import load_network

    where = workspace_at(workspace)
    stored = ModelStore(where.models).load(model)
    if has_annotations(Path(on)):
        if robustness or report or failures or groups or split != "test":
            raise UserError(
                f"{on} holds annotated maps: they are scored with --json alone, and no model has learned them"
            )
        _print_map_scores(score_annotated(Path(on), LabelRecipe.of(stored)), stored.card.model_id, as_json)
        return
    material = gather(on, DatasetStore(where.datasets), stored.card, split, tuple(groups or ()))
    result = evaluate_model(material, load_network(stored.weights, stored.card), stored.card, robustness)
    if report is not None:
        from tasks.evaluation.reports import write_report

        say(f"report: {write_report(report, stored.card, result)}")
    if failures is not None:
        from tasks.evaluation.failures import write_failures

        say(f"{len(write_failures(result, stored.card, failures))} failures: {failures}")
    if as_json:
        print_json({"model_id": stored.card.model_id, "split": split, **result.to_dict()})
        return
    _print_scores(
        result.scores, f"{on}, {len(result.taken)} groups of the {split} side, {len(result.left_out)} left out"
    )
    for name, between in result.intervals.items():
        _print_interval(name, between, "groups")
    if result.robustness:
        print_rows(
            ["after", *_ROBUST],
            [[row[name] for name in ("after", *_ROBUST)] for row in result.robustness],
            Format.TABLE,
        )
    say(f"taken: {', '.join(result.taken)}")


_ROBUST = ("macro_pr_auc", "macro_roc_auc", "macro_balanced_accuracy", "same_labels")


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
    _print_card(asdict(card))


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


def _choose(what: str, name: str, known: Any) -> None:
    if name not in known:
        raise UserError(f"no {what} {name!r}; choose from {', '.join(sorted(known))}")


def _print_table(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    print_rows(list(rows[0]), [list(row.values()) for row in rows], Format.JSON if as_json else Format.TABLE)


def _print_card(card: dict[str, Any]) -> None:
    for name in (
        "model_id",
        "name",
        "loss",
        "parameters",
        "weights_digest",
        "dataset_name",
        "dataset_digest",
        "created_at",
    ):
        print(f"{name:16} {card[name]}")
    for name, value in {**card["network"], **card["cost"]}.items():
        print(f"{name:24} {value}")
    print("\ndecisions: threshold, unsure band, scale and shift of the log-odds")
    rows = [
        [role, card["thresholds"][role], *card["unsure"][role], *card["calibration"].get(role, (1.0, 0.0))]
        for role in card["roles"]
    ]
    print_rows(["role", "threshold", "unsure_from", "unsure_to", "scale", "shift"], rows, Format.TABLE)
    for split in card["metrics"]:
        print()
        _print_card_scores(card, split)
    print("\nwrong labels, and why")
    for failure in card["failures"]:
        print("- {what}: said {said}, is {true}. {why} ({picture})".format(**failure))
    print("\nlearned from")
    print_rows(
        ["source", "licence", "loops"],
        [[entry[name] for name in ("source", "licence", "loops")] for entry in card["licences"]],
        Format.TABLE,
    )


def _print_card_scores(card: dict[str, Any], split: str) -> None:
    for kind, scores in card["metrics"][split].items():
        _print_scores(scores, f"rows of the kind '{kind}' of the {split} split")


def _print_interval(name: str, between: Sequence[float] | None, drawn: str) -> None:
    if between is not None:
        print(f"macro {name}: 95 % of draws of whole {drawn} lie in {between[0]:.3f} to {between[1]:.3f}")


def _print_map_scores(result: "MapScores", model_id: str, as_json: bool) -> None:
    """One table for each reading of the annotations' rows."""
    if as_json:
        print_json({"model_id": model_id, **result.to_dict()})
        return
    measures = (*_SCORES, "change_f")
    for reading, scores in result.readings.items():
        print(f"rows {reading}: {scores['segments']} segments of four bars of {len(result.tracks)} tracks, pooled")
        rows = [[role, *(entry[name] for name in measures)] for role, entry in scores["roles"].items()]
        rows.append(["macro", *(scores[f"macro_{name}"] for name in measures)])
        print_rows(["role", *measures], rows, Format.TABLE)
        _print_interval("pr_auc", scores["pr_auc_interval"], "tracks")
    print("always-on has balanced accuracy and ROC-AUC 0.5 and change_f 0; chords count as melody")
    for one in result.left_out:
        say(f"left out: {one['track']}, {one['reason']}")


def _print_scores(scores: dict[str, Any], where: str) -> None:
    """A table of scores, the naive answers beside the model's, and what the decisions are worth."""
    print(f"on {where}: {scores['segments']} segments of four bars")
    rows = [[role, *(entry[name] for name in _SCORES)] for role, entry in scores["roles"].items()]
    rows.append(["macro, no vocal", *(scores[f"macro_{name}"] for name in _SCORES)])
    print_rows(["role", *_SCORES], rows, Format.TABLE)
    print("always-on has balanced accuracy 0.5 and ROC-AUC 0.5; guessing has a PR-AUC equal to the prevalence")
    if scores.get("single_role_accuracy") is not None:
        right, rows = scores["single_role_accuracy"], scores["single_role_rows"]
        print(f"the likeliest role is right in {right:.3f} of the {rows} rows with one role and no unknown one")
    if scores.get("calibration_error") is not None:
        print(f"expected calibration error {scores['calibration_error']:.3f}")
    if decided := scores.get("decisions"):
        names = list(next(iter(decided.values())))
        print_rows(["role", *names], [[role, *row.values()] for role, row in decided.items()], Format.TABLE)
