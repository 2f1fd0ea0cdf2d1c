"""Plots of trainings: loss and score by epoch, and the leaderboard of a sweep."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from tasks.evaluation.score_plots import save_plot
from tasks.training.checkpoints import TrainingHistory


def draw_curves(history: TrainingHistory, target: Path) -> Path:
    """Loss and validation score of every epoch, side by side."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = range(1, len(history.losses) + 1)
    left.plot(epochs, history.losses)
    left.set(xlabel="epoch", ylabel="training loss")
    right.plot(epochs, history.validation_pr_auc)
    right.axvline(history.best_epoch + 1, color="grey", linestyle=":")
    right.set(xlabel="epoch", ylabel="validation macro PR-AUC")
    return save_plot(figure, target)


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
    return save_plot(figure, target)
