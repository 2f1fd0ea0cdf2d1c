"""Making a model: training, evaluation, and the models there are."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.options import JsonOption, WorkspaceOption, ready_for_flows, workspace_at
from flows.progress import say
from flows.tables import Format, print_json, print_rows
from storage.errors import UserError

models = typer.Typer(help="The models there are.", no_args_is_help=True)
app = typer.Typer()


@app.command()
def train(
    workspace: WorkspaceOption,
    name: Annotated[str, typer.Argument(metavar="DATASET", help="A data set of the workspace.")],
    network: Annotated[str, typer.Option(help="Which network.")] = "separable",
    pooling: Annotated[str, typer.Option(help="Which pooling over time: auto, max, mean.")] = "auto",
    epochs: Annotated[int, typer.Option(min=1, help="At most so many epochs.")] = 40,
    steps: Annotated[int, typer.Option(min=1, help="Batches in an epoch.")] = 100,
    as_json: JsonOption = False,
) -> None:
    """Train a network; it is kept with its card, and activated by `rolecall models activate`."""
    from storage.datasets import DatasetStore

    where = workspace_at(workspace)
    DatasetStore(where.datasets).read_lock(name)
    ready_for_flows(where)
    from flows.train import train_model

    card = train_model(name, str(where.root), network, pooling, epochs, steps)
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
    on: Annotated[Path, typer.Option(help="A folder of compositions: */mix.*, */truth.csv, */info.json.")],
    split: Annotated[str, typer.Option(help="Which side of the model's split: test, validation or train.")] = "test",
    as_json: JsonOption = False,
) -> None:
    """Score a model's maps of whole compositions that it did not learn from."""
    from storage.models import ModelStore
    from tasks.compositions import read_compositions
    from tasks.evaluation import held_out, score_compositions
    from tasks.inference import load_network

    stored = ModelStore(workspace_at(workspace).models).load(model)
    chosen, left_out = held_out(read_compositions(on), stored.card, split)
    if not chosen:
        raise UserError(f"no composition below {on} is on the {split} side of model {stored.card.model_id}")
    result = score_compositions(chosen, left_out, load_network(stored.weights, stored.card), stored.card)
    if as_json:
        print_json({"model_id": stored.card.model_id, "split": split, **asdict(result)})
        return
    where = f"{len(result.compositions)} compositions of the {split} side, {len(left_out)} on other sides left out"
    _print_scores(result.scores, where)
    say(f"taken: {', '.join(result.compositions)}")


@models.command("list")
def models_list(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The bundled model and those trained here."""
    from storage.catalogue import ask
    from storage.models import ModelStore

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
    workspace: WorkspaceOption, model: Annotated[str, typer.Argument()], as_json: JsonOption = False
) -> None:
    """A model's card."""
    from storage.models import ModelStore

    card = ModelStore(workspace_at(workspace).models).load(model).card
    if as_json:
        print_json(asdict(card))
        return
    for name in ("model_id", "name", "parameters", "weights_digest", "dataset_name", "dataset_digest", "created_at"):
        print(f"{name:16} {getattr(card, name)}")
    for split in card.metrics:
        print()
        _print_card_scores(asdict(card), split)
    print("\nlearned from")
    print_rows(["source", "licence", "loops"], [list(entry.values()) for entry in card.licences], Format.TABLE)


@models.command("activate")
def models_activate(workspace: WorkspaceOption, model: Annotated[str, typer.Argument()]) -> None:
    """Let the public views answer from this model, if it has labelled here."""
    from storage.ledger import Ledger
    from storage.models import ModelStore

    where = workspace_at(workspace)
    card = ModelStore(where.models).load(model).card
    with where.lock("models activate"), Ledger.of(where) as ledger:
        ledger.register_model(card)
        ledger.activate_model(card.model_id)
        ledger.publish()
    print(f"active: {card.model_id} ({card.name})")


def _print_card_scores(card: dict[str, Any], split: str) -> None:
    for kind, scores in card["metrics"][split].items():
        _print_scores(scores, f"rows of the kind '{kind}' of the {split} split")


def _print_scores(scores: dict[str, Any], where: str) -> None:
    """A table of scores, the naive answers beside the model's."""
    print(f"on {where}: {scores['segments']} segments of four bars")
    measures = [
        "prevalence",
        "pr_auc",
        "roc_auc",
        "balanced_accuracy",
        "f1",
        "always_on_f1",
        "accuracy",
        "always_on_accuracy",
    ]
    rows = [[role, *(entry[name] for name in measures)] for role, entry in scores["roles"].items()]
    rows.append(["macro, no vocal", *(scores[f"macro_{name}"] for name in measures)])
    print_rows(["role", *measures], rows, Format.TABLE)
    print("always-on has balanced accuracy 0.5 and ROC-AUC 0.5; guessing has a PR-AUC equal to the prevalence")
