"""Pictures of trainings and of scores."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from storage.files import atomic_path
from storage.vocabulary import ROLES
from tasks.checkpoints import Course
from tasks.metrics import Labels
from tasks.reliability import confusion, reliability_curve


def draw_curves(course: Course, target: Path) -> Path:
    """Loss and validation score of every epoch, side by side."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(course.losses) + 1)
    left.plot(epochs, course.losses)
    left.set(xlabel="epoch", ylabel="training loss")
    right.plot(epochs, course.validation_pr_auc)
    right.axvline(course.best_epoch + 1, color="grey", linestyle=":")
    right.set(xlabel="epoch", ylabel="validation macro PR-AUC")
    return _saved(figure, target)


def draw_reliability(labels: Labels, probabilities: Labels, target: Path) -> Path:
    """How often each role is there when the model says so with a certain probability; the diagonal is honest."""
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for place, role in enumerate(ROLES):
        column = labels[:, place : place + 1]
        if (column > 0.5).any():
            said, true, _ = reliability_curve(column, probabilities[:, place : place + 1], bins=6)
            axes.plot(said, true, marker="o", markersize=3, label=role)
    axes.set(xlabel="probability given", ylabel="share that is on", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=8)
    return _saved(figure, target)


def draw_confusion(labels: Labels, probabilities: Labels, target: Path) -> Path:
    """Single-role loops: what they are (down) and what is likeliest (across)."""
    table = confusion(labels, probabilities)
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.imshow(table / np.maximum(table.sum(axis=1, keepdims=True), 1), vmin=0, vmax=1, cmap="Blues")
    for row, column in np.ndindex(table.shape):
        axes.text(column, row, str(table[row, column]), ha="center", va="center", fontsize=8)
    axes.set_xticks(range(len(ROLES)), ROLES, rotation=45)
    axes.set_yticks(range(len(ROLES)), ROLES)
    axes.set(xlabel="likeliest role", ylabel="true role")
    return _saved(figure, target)


def draw_leaderboard(names: Sequence[str], scores: Sequence[float], costs: Sequence[float], target: Path) -> Path:
    """Validation scores of models against the millions of multiplications that a segment costs.

    The models are numbered as they come; those whose names begin with the same word have one colour.
    """
    figure = Figure(figsize=(9, 2 + 0.2 * max(15, len(names))), layout="constrained")
    axes = figure.subplots()
    colours = {word: f"C{number}" for number, word in enumerate(dict.fromkeys(name.split()[0] for name in names))}
    for number, (name, score, cost) in enumerate(zip(names, scores, costs, strict=True), start=1):
        axes.scatter(cost, score, s=18, color=colours[name.split()[0]], label=f"{number}  {name}  {score:.3f}")
        # To the right and to the left in turn: models of one network stand in one column.
        axes.annotate(
            str(number), (cost, score), fontsize=7, xytext=(5 if number % 2 else -13, -3), textcoords="offset points"
        )
    axes.margins(x=0.15)
    axes.set(xlabel="million multiplications a segment", ylabel="macro PR-AUC on the validation side")
    figure.legend(loc="outside right center", fontsize=7)
    return _saved(figure, target)


def _saved(figure: Figure, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return target.absolute()
