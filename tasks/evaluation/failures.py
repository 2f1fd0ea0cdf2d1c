"""The surest wrong labels of a model, with a picture and what can be measured of each."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure

from storage.files import atomic_path, write_text_atomically
from storage.models import ModelCard
from storage.vocabulary import ROLES
from tasks.evaluation.model_scores import Evaluation
from tasks.features.mel_config import Matrix, MelConfig
from tasks.features.mel_filters import mel_centres

_LOW_HZ: Final = 200.0


def write_failures(evaluation: Evaluation, card: ModelCard, folder: Path, count: int = 5) -> list[dict[str, Any]]:
    """Write pictures and `failures.json` of the surest errors, at most one a group while groups last.

    `why` begins as what can be measured (where the energy lies, how steady it is); a person should go on from there.
    """
    config = MelConfig(**card.mel)
    found = []
    for number, (row, place) in enumerate(_surest(evaluation, card, count), start=1):
        picture = f"failure-{number}.png"
        _draw(evaluation.rows.mels[row], evaluation.rows.names[row], folder / picture)
        true = [role for role, on in zip(ROLES, evaluation.rows.labels[row], strict=True) if on == 1]
        wrongly = "on" if evaluation.rows.labels[row, place] == 0 else "off"
        found.append(
            {
                "what": f"{evaluation.rows.groups[row]}: {evaluation.rows.names[row]}",
                "said": f"{ROLES[place]} {wrongly} ({evaluation.answers[row, place]:.2f})",
                "true": ", ".join(true),
                "why": _measured(evaluation.rows.mels[row], config),
                "picture": picture,
            }
        )
    write_text_atomically(folder / "failures.json", json.dumps(found, indent=1))
    return found


def _surest(evaluation: Evaluation, card: ModelCard, count: int) -> Iterator[tuple[int, int]]:
    """Rows and places of the roles that are most wrong, by distance from the threshold."""
    labels, answers = evaluation.rows.labels, evaluation.answers
    limits = np.array([card.thresholds[role] for role in ROLES], np.float32)
    wrong = (labels >= 0) & ((answers >= limits) != (labels > 0.5))
    sure = np.where(wrong, np.where(answers >= limits, answers - limits, limits - answers), -1.0)
    order = np.argsort(-sure, axis=None)
    groups: set[str] = set()
    rows: set[int] = set()
    for again in (False, True):
        for flat in order:
            row, place = (int(value) for value in np.unravel_index(flat, sure.shape))
            if len(rows) == count or sure[row, place] < 0:
                break
            if row not in rows and (again or evaluation.rows.groups[row] not in groups):
                groups.add(evaluation.rows.groups[row])
                rows.add(row)
                yield row, place


def _measured(mel: Matrix, config: MelConfig) -> str:
    power = np.exp(mel)
    low = power[:, mel_centres(config) < _LOW_HZ].sum() / power.sum()
    loudness = power.sum(axis=1)
    peaks = float(np.percentile(loudness, 95) / max(float(np.median(loudness)), 1e-6))
    return (
        f"{100 * low:.0f} % of its energy lies under {_LOW_HZ:.0f} Hz, and its peaks are {peaks:.1f} times its median."
    )


def _draw(mel: Matrix, name: str, target: Path) -> None:
    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.subplots()
    bars = 4
    axes.imshow(mel.T, origin="lower", aspect="auto", extent=(1, 1 + bars, 0, mel.shape[1]), cmap="magma")
    axes.set(title=name, xlabel="bar", ylabel="mel band")
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format="png", dpi=80)
