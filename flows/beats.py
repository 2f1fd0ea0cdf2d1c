"""Grids as another ear hears them, as a manifest for labelling."""

import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from flows.progress import say
from tasks.audio import AudioError
from tasks.beats import hear_grid, load_beat_network
from tasks.finding import find_audio

_COLUMNS: Final = ("path", "bpm", "first_downbeat_s")


def write_grids(paths: Sequence[Path], checkpoint: Path, to: Path | None) -> None:
    """Write a manifest line for every file, to a file or stdout, each as soon as it is known.

    Where the beats are not clear, or the file cannot be used, tempo and downbeat stay empty: labelling then estimates
    them itself, or says what is wrong with the file.
    """
    network = load_beat_network(checkpoint)
    found = find_audio(paths).table.column("path").to_pylist()
    with nullcontext(sys.stdout) if to is None else to.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for path in found:
            try:
                grid = hear_grid(Path(path), network)
            except AudioError as error:
                say(f"rolecall: {path}: {error}")
                grid = None
            writer.writerow([path, *((grid.tempo.bpm, grid.first_downbeat_s) if grid else (None, None))])
            file.flush()
