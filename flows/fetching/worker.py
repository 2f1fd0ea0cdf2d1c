"""What a Dask worker runs when loops are fetched: it reads each file and says what is wrong with it."""

from collections.abc import Sequence

from storage.loops.table import Loop
from storage.paths import path_text
from storage.vocabulary import Refusal
from tasks.audio.decoding import AudioError
from tasks.metadata.manifests import Row
from tasks.sources.decode_check import measured
from tasks.sources.folder import loop_from


def probe_rows(rows: Sequence[Row]) -> list[Loop | Refusal]:
    """Read the files of a folder's rows; each gives a loop, or its path and what is wrong with it."""
    results: list[Loop | Refusal] = []
    for row in rows:
        try:
            results.append(loop_from(row))
        except AudioError as error:
            results.append((path_text(row.path), error.reason, str(error)))
    return results


def measure_loops(loops: Sequence[Loop]) -> list[Loop | Refusal]:
    """Decode the files of fetched loops; each gives the loop, or its path and what is wrong with it."""
    results: list[Loop | Refusal] = []
    for loop in loops:
        try:
            results.append(measured(loop))
        except AudioError as error:
            results.append((loop.path, error.reason, str(error)))
    return results
