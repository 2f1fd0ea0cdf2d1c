"""How well a model does, as tables: its scores on loops, on annotated maps, and its card."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flows.terminal.streams import say
from flows.terminal.tables import Format, print_json, print_rows

if TYPE_CHECKING:
    from tasks.evaluation.annotated_maps import MapScores

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


def print_card(card: dict[str, Any]) -> None:
    """All that a model's card says."""
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
        print_card_scores(card, split)
    print("\nwrong labels, and why")
    for failure in card["failures"]:
        print("- {what}: said {said}, is {true}. {why} ({picture})".format(**failure))
    print("\nlearned from")
    print_rows(
        ["source", "licence", "loops"],
        [[entry[name] for name in ("source", "licence", "loops")] for entry in card["licences"]],
        Format.TABLE,
    )


def print_card_scores(card: dict[str, Any], split: str) -> None:
    """The scores of a card on one split, a table for each kind of row."""
    for kind, scores in card["metrics"][split].items():
        print_scores(scores, f"rows of the kind '{kind}' of the {split} split")


def print_interval(name: str, between: Sequence[float] | None, drawn: str) -> None:
    """How sure a macro score is; nothing where no interval was drawn."""
    if between is not None:
        print(f"macro {name}: 95 % of draws of whole {drawn} lie in {between[0]:.3f} to {between[1]:.3f}")


def print_map_scores(result: "MapScores", model_id: str, as_json: bool) -> None:
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
        print_interval("pr_auc", scores["pr_auc_interval"], "tracks")
    print("always-on has balanced accuracy and ROC-AUC 0.5 and change_f 0; chords count as melody")
    for one in result.left_out:
        say(f"left out: {one['track']}, {one['reason']}")


def print_scores(scores: dict[str, Any], where: str) -> None:
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


def print_robustness(rows: Sequence[dict[str, Any]]) -> None:
    """The scores once the audio was changed, and how many decisions stay the same."""
    columns = ("after", "macro_pr_auc", "macro_roc_auc", "macro_balanced_accuracy", "same_labels")
    print_rows(list(columns), [[row[name] for name in columns] for row in rows], Format.TABLE)
