"""Reading compositions with ground truth: audio, tempo, and the roles of every four bars."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from storage.errors import UserError
from storage.vocabulary import ROLES


@dataclass(frozen=True)
class Composition:
    """A track with its truth (segments, roles): 1 on, 0 off, -1 unknown; beats per minute, seconds."""

    name: str
    audio: Path
    bpm: float
    truth: NDArray[np.float32]
    duration_s: float
    title: str = ""
    author: str | None = None
    licence: str = "unspecified"


def read_compositions(folder: Path) -> Iterator[Composition]:
    """The compositions below `folder`: each a folder with `mix.*`, `truth.csv` and an `info.json` that names the bpm.

    `truth.csv` has one line per four bars from t = 0 and one column per role. Raises UserError if there is none.
    """
    truths = sorted(folder.glob("*/truth.csv"))
    if not truths:
        raise UserError(f"no */truth.csv below {folder}; name a folder of compositions with their truth")
    for truth in truths:
        audio = next(iter(sorted(truth.parent.glob("mix.*"))), None)
        if audio is None:
            raise UserError(f"{truth.parent} has a truth.csv and no mix.*; put the audio beside it")
        info = json.loads((truth.parent / "info.json").read_text(encoding="utf-8"))
        yield Composition(
            name=truth.parent.name,
            audio=audio.absolute(),
            bpm=float(info["bpm"]),
            truth=_read_truth(truth),
            duration_s=soundfile.info(audio).duration,
            title=info.get("title", ""),
            author=info.get("author"),
            licence=info.get("licence") or "unspecified",
        )


def _read_truth(path: Path) -> NDArray[np.float32]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[role]) for role in ROLES] for row in rows], np.float32)
