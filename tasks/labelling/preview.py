"""Preview of a label run for `rolecall plan`: which files are new, changed or known, and how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from storage.catalogue.comparison import (
    audio_per_second,
    compared_findings,
    count_findings,
    files_to_decode,
)
from storage.models import ModelStore
from storage.paths import path_of
from storage.published.queries import open_catalogue
from storage.urls import is_url
from storage.workspace import Workspace
from tasks.audio.decoding import AudioError, stated_duration_s
from tasks.audio.library import Omissions
from tasks.labelling.disk_state import likely_disk_state
from tasks.labelling.finding import find_places
from tasks.labelling.request import label_version
from tasks.metadata.tempo_text import BpmRange

_SAMPLED_HEADERS: Final = 100


@dataclass(frozen=True)
class Plan:
    """The preview of a label run: files by finding, how many would be decoded, hours of audio in them, hours it takes.

    The audio is estimated from the headers of a sample, the time from the runs before; None where there are none.
    Objects are not opened for it. `omissions` are what it would pass over.
    """

    findings: dict[str, int]
    to_decode: int
    audio_hours: float | None
    estimated_hours: float | None
    omissions: Omissions


def preview(workspace: Workspace, places: Sequence[str], model: str | None, bpm_range: BpmRange | None = None) -> Plan:
    """What labelling paths and URLs would do, by the published snapshot; raises UserError for one that is not there."""
    searched = find_places(places)
    found = searched.table
    with open_catalogue(workspace) as connection:
        active = connection.execute("SELECT model_id FROM models WHERE active").fetchall()
        card = ModelStore(workspace.models).load_chosen(model, str(active[0][0]) if active else None).card
        seen = likely_disk_state(connection, found)
        with compared_findings(connection, seen, card.model_id, label_version(bpm_range)):
            work, rate = files_to_decode(connection), audio_per_second(connection)
            seconds = audio_seconds(work)
            hours = None if rate is None or seconds is None else seconds / rate / 3600
            audio_hours = None if seconds is None else seconds / 3600
            return Plan(count_findings(connection), len(work), audio_hours, hours, searched.omissions)


def audio_seconds(files: Sequence[tuple[str, int]]) -> float | None:
    """How long files, each a path and its bytes, probably are: bytes times the seconds per byte of a sample of them.

    None where there are only objects, which are not opened for it.
    """
    here = [(path, size) for path, size in files if not is_url(path)]
    if files and not here:
        return None
    sampled_s, sampled_bytes = 0.0, 0
    for path, size in here[:: max(1, len(here) // _SAMPLED_HEADERS)]:
        try:
            stated_s = stated_duration_s(path_of(path))
        except AudioError:
            continue
        if stated_s is None:
            continue
        sampled_s += stated_s
        sampled_bytes += size
    return sum(size for _, size in files) * sampled_s / sampled_bytes if sampled_bytes else 0.0
