"""What a label run is asked for besides its files."""

from dataclasses import dataclass

from tasks.metadata.tempo_text import BpmRange


@dataclass(frozen=True)
class RunOptions:
    """How files are labelled, by whom, and what becomes of the catalogue; the flows take the same by the same names.

    `model` is an id or a name, the active one if None. The work is done by `workers` processes of this machine, or on
    the cluster at `dask`. A run gives up once more files than `max_errors` could not be used. `activate` lets the
    catalogue answer from the model, complete or not. A file may take `time_limit_s` seconds, and one more for each
    megabyte. The catalogue is pushed to the URL `publish_to`. A tempo that nobody states is put into `bpm_range`.
    """

    model: str | None = None
    workers: int = 2
    dask: str | None = None
    max_errors: int | None = None
    activate: bool = False
    time_limit_s: float | None = None
    publish_to: str | None = None
    bpm_range: BpmRange | None = None
