"""The demo: label the bundled music, answer three questions in SQL, draw the maps."""

import sys
import time
from importlib import resources
from pathlib import Path
from typing import Any, Final

from flows.commands.label_runs import print_summary, run_label
from flows.labelling.run_options import RunOptions
from flows.terminal.streams import say
from flows.terminal.tables import Format, print_rows
from storage.catalogue.label_parts import LabelOutcome, Section, Segment
from storage.paths import path_of, path_text
from storage.published.queries import ask
from storage.vocabulary import ROLES, Status
from storage.workspace import Workspace

QUESTIONS: Final = (
    (
        "Which loops are percussion and nothing else?",
        """
        SELECT regexp_extract(path, '[^/]+$') AS loop, bpm, max(probability) FILTER (role = 'percussion') AS percussion
        FROM roles JOIN tracks USING (track_id, path)
        WHERE kind = 'loop'
        GROUP BY ALL
        HAVING bool_or(active AND role = 'percussion') AND NOT bool_or(active AND role <> 'percussion')
        ORDER BY percussion DESC
        """,
    ),
    (
        "Which tracks end with 8 bars of percussion without bass, ready to mix out of?",
        """
        SELECT regexp_extract(path, '[^/]+$') AS track, min(start_bar) AS from_bar, max(end_bar) AS to_bar,
               min(activation) FILTER (role = 'percussion') AS percussion,
               max(activation) FILTER (role = 'bass') AS bass
        FROM iram JOIN tracks USING (track_id, path)
        WHERE kind = 'track'
          AND segment > (SELECT max(last.segment) - 2 FROM segments last WHERE last.track_id = iram.track_id)
        GROUP BY ALL
        HAVING bool_and(active) FILTER (role = 'percussion') AND NOT bool_or(active) FILTER (role = 'bass')
        """,
    ),
    (
        "In which bars of each track do bass and percussion first sound together?",
        """
        SELECT regexp_extract(path, '[^/]+$') AS track, bpm, min(start_bar) AS first_bar, min(start_s) AS seconds
        FROM (SELECT track_id, path, segment, start_bar, start_s
              FROM iram WHERE active AND role IN ('bass', 'percussion')
              GROUP BY ALL HAVING count(*) = 2)
        JOIN tracks USING (track_id, path)
        WHERE kind = 'track'
        GROUP BY ALL ORDER BY track
        """,
    ),
)


def run_demo(workspace: Workspace, workers: int) -> None:
    """Label the bundled audio into `workspace`, print three answers, draw the maps, and say what to type next."""
    began = time.monotonic()
    audio = Path(str(resources.files("storage") / "bundled" / "audio"))
    manifest = audio / "manifest.csv"
    say(f"labelling the music in {audio}")
    print_summary(run_label([], path_text(manifest), workspace, RunOptions(workers=workers)), as_json=False)
    for question, sql in QUESTIONS:
        print(f"\n{question}", flush=True)
        answer = ask(workspace, sql)
        print_rows(answer.columns, answer.rows, Format.TABLE)
    print("\nMaps, one row per role and one square per four bars:")
    for picture in _draw_maps(workspace):
        print(f"  {picture}")
    print(f"\nEverything lies in {workspace.root}; the catalogue is {workspace.catalogue.name}. Next:")
    program = Path(sys.argv[0]).name
    print(f'  {program} sql "FROM segments LIMIT 5" --workspace {workspace.root}')
    print(f"  {program} label YOUR/MUSIC")
    say(f"done in {time.monotonic() - began:.0f} s")


def _draw_maps(workspace: Workspace) -> list[Path]:
    """One picture per track; a picture that is there is kept."""
    from tasks.structure.iram_plot import draw_iram

    pictures = []
    for outcome in _labelled_tracks(workspace):
        picture = workspace.pictures / f"{path_of(outcome.path).stem}.png"
        if not picture.exists():
            draw_iram(outcome, picture)
        pictures.append(picture)
    return pictures


def _labelled_tracks(workspace: Workspace) -> list[LabelOutcome]:
    """The tracks of the catalogue with a map, as they were labelled."""
    tracks = ask(workspace, _TRACKS).to_dicts()
    segments = ask(workspace, f"SELECT track_id, segment, start_bar, end_bar, start_s, end_s, {_ROLES} FROM segments")
    sections = ask(workspace, "SELECT track_id, section, label, confidence, start_bar, end_bar FROM sections")
    return [
        LabelOutcome(
            label_key="",
            status=Status.LABELLED,
            segments=tuple(_segment(row) for row in segments.rows if row[0] == track_id),
            sections=tuple(Section(*row[1:]) for row in sections.rows if row[0] == track_id),
            **track,
        )
        for track_id, track in ((track.pop("track_id"), track) for track in tracks)
    ]


def _segment(row: tuple[Any, ...]) -> Segment:
    _, segment, start_bar, end_bar, start_s, end_s, *activations = row
    return Segment(segment, start_bar, end_bar, start_s, end_s, tuple(activations))


_ROLES: Final = ", ".join(ROLES)
_TRACKS: Final = """
SELECT track_id, path, duration_s, bpm, bpm_source, first_downbeat_s,
       (SELECT model_id FROM models WHERE active) AS model_id
FROM tracks WHERE kind = 'track' AND status = 'labelled' ORDER BY path
"""
