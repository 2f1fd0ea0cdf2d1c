"""Beat grids by the network Beat This!, written as a manifest for labelling (`rolecall beats`)."""

import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final, TextIO

from torch import nn

from flows.terminal.streams import say
from storage.errors import UserError
from storage.paths import path_of, path_text
from tasks.audio.decoding import AudioError
from tasks.labelling.finding import find_audio
from tasks.metadata.written import read_written
from tasks.rhythm.beat_this import beat_this_grid, load_beat_network
from tasks.rhythm.grid import Grid, stated_tempo

_COLUMNS: Final = ("path", "bpm", "first_downbeat_s")


def write_grids(paths: Sequence[Path], checkpoint: Path, to: Path | None) -> None:
    """Write a manifest line for every file, to a file or stdout, each as soon as it is known.

    A manifest counts before anything else, so tempo and downbeat stay empty where a tag, a loop library or the file
    name states a tempo, and where the beats are not clear: labelling then goes on as it would without. It also says
    what is wrong with a file that cannot be used. Raises UserError where the manifest cannot be written or the network
    not loaded.
    """
    network = load_beat_network(checkpoint)
    found = find_audio(paths)
    for sentence in found.omissions.sentences():
        say(sentence)
    with nullcontext(sys.stdout) if to is None else _writable(to) as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for path in found.table.column("path").to_pylist():
            grid = _grid_to_state(path_of(path), network)
            writer.writerow([path, *((grid.tempo.bpm, grid.first_downbeat_s) if grid else (None, None))])
            file.flush()


def _grid_to_state(path: Path, network: nn.Module) -> Grid | None:
    written = read_written(path)
    if written.name_number is not None or stated_tempo(written, None, None) is not None:
        return None
    try:
        return beat_this_grid(path, network)
    except AudioError as error:
        say(f"rolecall: {path_text(path)}: {error}")
        return None


def _writable(path: Path) -> TextIO:
    try:
        return path.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}; name a file in a folder that is there") from None
