"""Plots of scores: reliability curves and confusion tables."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from storage.files import atomic_path
from storage.vocabulary import ROLES
from tasks.evaluation.metrics import Labels
from tasks.evaluation.reliability import confusion, reliability_curve


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
    return save_plot(figure, target)


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
    return save_plot(figure, target)


def save_plot(figure: Figure, target: Path) -> Path:
    """Write a figure as PNG, whole or not at all; returns where it is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
    return target.absolute()
