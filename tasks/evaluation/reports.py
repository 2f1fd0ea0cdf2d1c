"""An evaluation as a Markdown page with its pictures beside it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storage.files import write_text_atomically
from storage.models import ModelCard
from tasks.evaluation.model_scores import Evaluation
from tasks.evaluation.score_plots import draw_confusion, draw_reliability

_MEASURES = ("segments", "prevalence", "pr_auc", "roc_auc", "balanced_accuracy", "f1", "always_on_f1")


def write_report(target: Path, card: ModelCard, evaluation: Evaluation) -> Path:
    """Write the page and its pictures; returns the page's path."""
    labels, answers = evaluation.rows.labels, evaluation.answers
    reliability = draw_reliability(labels, answers, target.with_name(f"{target.stem}-reliability.png"))
    confused = draw_confusion(labels, answers, target.with_name(f"{target.stem}-confusion.png"))
    scores = evaluation.scores
    parts = [
        f"# {card.name} ({card.model_id})",
        f"{scores['segments']} segments of {len(evaluation.taken)} groups: {', '.join(evaluation.taken)}.",
        f"Left out, being on other sides of the split: {', '.join(evaluation.left_out) or 'nothing'}.",
        "## Scores",
        "PR-AUC is to be read beside the prevalence, F1 beside that of saying always on.",
        _by_role(scores["roles"], _MEASURES),
        *(
            f"Macro {name} over the five common roles: 95 % interval {between[0]:.3f} to {between[1]:.3f} "
            "(whole groups drawn again)."
            for name, between in evaluation.intervals.items()
            if between is not None
        ),
        "## Decisions",
        _by_role(scores["decisions"], list(scores["decisions"]["bass"])),
        "## Calibration",
        f"Expected calibration error {scores['calibration_error']:.3f}.",
        f"![reliability]({reliability.name})",
        "## Rows with one role",
        f"The likeliest role is right in {_shown(scores['single_role_accuracy'])} of the {scores['single_role_rows']}.",
        f"![confusion]({confused.name})",
    ]  # fmt: skip
    if evaluation.robustness:
        names = list(evaluation.robustness[0])
        parts += ["## After damage", _table(names, [list(row.values()) for row in evaluation.robustness])]
    write_text_atomically(target, "\n\n".join(parts) + "\n")
    return target.absolute()


def _by_role(scores: dict[str, dict[str, Any]], measures: Sequence[str]) -> str:
    return _table(["role", *measures], [[role, *(row[name] for name in measures)] for role, row in scores.items()])


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [" | ".join(header), " | ".join("---" for _ in header)]
    lines += [" | ".join(_shown(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _shown(cell: Any) -> str:
    if cell is None:
        return ""
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)
