"""The labels of chosen tracks, read from a published catalogue page by page: what exports and reports are made of."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from storage.bar_lines import BarLines, Bars
from storage.errors import UserError
from storage.paths import path_of
from storage.published.queries import prepare_select
from storage.vocabulary import ROLES

PAGE: Final = 2000
"""Tracks that are read at once: with maps of 60 segments about 100 MB."""


class RoleLabel(NamedTuple):
    """What is said of a role in a track: how likely it is (0..1), whether it is on, unsure, and who says so."""

    role: str
    probability: float
    active: bool
    unsure: bool
    source: str


class MapSegment(NamedTuple):
    """A row of the map, in bars (the last one included) and seconds; activations in the order of `ROLES`."""

    segment: int
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float
    activations: tuple[float, ...]
    active: tuple[str, ...]


class TimedSpan(NamedTuple):
    """From which bar to which a role sounds, and when that is in seconds."""

    role: str
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float


class TimedSection(NamedTuple):
    """A run of bars with one meaning, and when that is in seconds."""

    section: int
    label: str
    confidence: float
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float


class TrackFacts(NamedTuple):
    """A row of the view `tracks`, its columns as `docs/sql.md` describes them.

    A catalogue that an earlier version published has no `bpm_drift`.
    """

    track_id: int
    path: str
    content_hash: str | None
    audio_hash: str | None
    kind: str
    duration_s: float
    bpm: float | None
    bpm_source: str | None
    bpm_confidence: float | None
    bpm_alternative: float | None
    bpm_locked: bool
    first_downbeat_s: float | None
    key: str | None
    mode: str | None
    key_source: str | None
    key_confidence: float | None
    status: str
    labelled_at: datetime
    bpm_drift: float | None = None


@dataclass(frozen=True)
class TrackLabels:
    """Everything that the catalogue says of a track; one without a map has no segments, spans and sections.

    `bar_lines` are those of a track whose tempo drifts, and are there if its map is.
    """

    facts: TrackFacts
    roles: tuple[RoleLabel, ...]
    segments: tuple[MapSegment, ...] = ()
    role_spans: tuple[TimedSpan, ...] = ()
    sections: tuple[TimedSection, ...] = ()
    bar_lines: BarLines | None = None

    @property
    def bars(self) -> Bars | None:
        """When its bars begin; None without a tempo."""
        if self.facts.bpm is None or self.facts.first_downbeat_s is None:
            return None
        return Bars(self.facts.bpm, self.facts.first_downbeat_s, self.bar_lines)

    @property
    def active_roles(self) -> tuple[str, ...]:
        """The roles that are on, in the order of `ROLES`."""
        return tuple(label.role for label in self.roles if label.active)

    @property
    def unsure_roles(self) -> tuple[str, ...]:
        """The roles of which the model is unsure, in the order of `ROLES`."""
        return tuple(label.role for label in self.roles if label.unsure)


class TrackSelection:
    """The labelled tracks of an open catalogue that somebody chose, in the order of `track_id`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, ids: NDArray[np.int64]) -> None:
        """Tracks by their ids; those that have no labels must not be among them."""
        self._connection, self._ids = connection, ids

    @classmethod
    def where(cls, connection: duckdb.DuckDBPyConnection, condition: str) -> "TrackSelection":
        """The tracks for which an SQL condition over the view `tracks` holds; raises UserError if it is none."""
        return cls._chosen(connection, f"SELECT track_id FROM tracks WHERE (\n{condition}\n)", condition)

    @classmethod
    def of(cls, connection: duckdb.DuckDBPyConnection, question: str) -> "TrackSelection":
        """The tracks that a query names in a column `track_id` or `path`, or for which a condition holds."""
        try:
            columns = connection.execute(f"DESCRIBE {question}").fetchall()
        except duckdb.Error:
            return cls.where(connection, question)
        name = next((column[0] for column in columns if column[0] in {"track_id", "path"}), None)
        if name is None:
            raise UserError(f"the query has no column track_id or path: {question}; select one of them")
        return cls._chosen(
            connection, f"SELECT track_id FROM tracks WHERE {name} IN (SELECT {name} FROM (\n{question}\n))", question
        )

    @classmethod
    def _chosen(cls, connection: duckdb.DuckDBPyConnection, query: str, asked: str) -> "TrackSelection":
        labelled = f"{query} AND status IN ('labelled', 'no_tempo') ORDER BY track_id"
        try:
            ids = connection.execute(prepare_select(connection, labelled)).fetchnumpy()["track_id"]
        except (duckdb.Error, UserError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{asked!r} is no condition over the view tracks: {reason}") from error
        return cls(connection, np.asarray(ids, np.int64))

    def __len__(self) -> int:
        """How many tracks they are."""
        return len(self._ids)

    def table(self) -> pa.Table:
        """The ids as a table with one column, `track_id`."""
        return pa.table({"track_id": self._ids})

    def common_folder(self) -> Path:
        """The deepest folder that holds all these files."""
        ends: list[str] = []
        for ids in self._pages():
            paths = [facts.path for facts in self._facts(ids)]
            ends = [min(ends + paths), max(ends + paths)]
        return Path(os.path.commonpath([path_of(path).parent for path in ends])) if ends else Path("/")

    def labels(self) -> Iterator[TrackLabels]:
        """The tracks with their roles, without maps."""
        for ids in self._pages():
            roles = self._roles(ids)
            for facts in self._facts(ids):
                yield TrackLabels(facts, roles[facts.track_id])

    def labels_and_maps(self) -> Iterator[TrackLabels]:
        """The tracks with their roles, maps, role spans and sections."""
        thresholds = dict(self._connection.execute(_THRESHOLDS).fetchall())
        for ids in self._pages():
            roles, segments = self._roles(ids), _by_track(self._rows(_SEGMENTS, ids))
            spans, sections = _by_track(self._rows(_SPANS, ids)), _by_track(self._rows(_SECTIONS, ids))
            tracks = self._facts(ids)
            lines = self._bar_lines(tracks)
            for facts in tracks:
                number = facts.track_id
                ruled_out = {one.role for one in roles[number] if one.source == "person" and not one.active}
                least = [2.0 if role in ruled_out else thresholds.get(role, 2.0) for role in ROLES]
                yield TrackLabels(
                    facts,
                    roles[number],
                    tuple(_segment(row, least) for row in segments[number]),
                    tuple(TimedSpan(*row) for row in spans[number]),
                    tuple(TimedSection(*row) for row in sections[number]),
                    lines.get(number),
                )

    def _pages(self) -> Iterator[str]:
        for start in range(0, len(self), PAGE):
            yield ", ".join(map(str, self._ids[start : start + PAGE].tolist()))

    def _rows(self, query: str, ids: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query.format(ids=ids)).fetchall()

    def _facts(self, ids: str) -> list[TrackFacts]:
        cursor = self._connection.execute(_FACTS.format(ids=ids))
        names = [column[0] for column in cursor.description or ()]
        return [TrackFacts(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]

    def _bar_lines(self, tracks: list[TrackFacts]) -> dict[int, BarLines]:
        drifting = ", ".join(str(facts.track_id) for facts in tracks if facts.bpm_drift is not None)
        rows = self._rows(_LINES, drifting) if drifting else []
        return {number: BarLines(first_bar, tuple(times_s)) for number, first_bar, times_s in rows}

    def _roles(self, ids: str) -> dict[int, tuple[RoleLabel, ...]]:
        rows = _by_track(self._rows(_ROLES, ids))
        return {
            number: tuple(sorted((RoleLabel(*row) for row in said), key=lambda label: ROLES.index(label.role)))
            for number, said in rows.items()
        }


def _by_track(rows: Iterable[tuple[Any, ...]]) -> dict[int, list[tuple[Any, ...]]]:
    """Rows without their first column, by that column, which is the id of their track."""
    grouped: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    for number, *row in rows:
        grouped[number].append(tuple(row))
    return grouped


def _segment(row: tuple[Any, ...], least: list[float]) -> MapSegment:
    segment, start_bar, end_bar, start_s, end_s, *activations = row
    active = tuple(role for role, likely, low in zip(ROLES, activations, least, strict=True) if likely >= low)
    return MapSegment(segment, start_bar, end_bar, start_s, end_s, tuple(activations), active)


_THRESHOLDS: Final = """
SELECT role, threshold FROM ledger.model_role JOIN models USING (model_id) WHERE active
"""
_FACTS: Final = f"""
SELECT COLUMNS(lambda name: name IN {TrackFacts._fields}) FROM tracks WHERE track_id IN ({{ids}}) ORDER BY track_id
"""
_ROLES: Final = """
SELECT track_id, role, probability, active, unsure, source FROM roles WHERE track_id IN ({ids})
"""
_SEGMENTS: Final = f"""
SELECT track_id, segment, start_bar, end_bar, start_s, end_s, {", ".join(ROLES)}
FROM segments WHERE track_id IN ({{ids}}) ORDER BY track_id, segment
"""
_SPANS: Final = """
SELECT track_id, role, start_bar, end_bar, start_s, end_s
FROM role_spans WHERE track_id IN ({ids}) ORDER BY track_id, start_bar, role
"""
_SECTIONS: Final = """
SELECT track_id, section, label, confidence, start_bar, end_bar, start_s, end_s
FROM sections WHERE track_id IN ({ids}) ORDER BY track_id, section
"""
_LINES: Final = """
SELECT track_id, bar_lines.first_bar, bar_lines.times_s FROM reading.track WHERE track_id IN ({ids})
"""
