from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage.catalogue.schema import migrate
from storage.vocabulary import ROLES
from tests.support.dummies import card

Query = Any


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A track of 64 bars at 120 beats per minute in A minor, and loops beside it."""
    connection = duckdb.connect()
    migrate(connection, "memory")
    model = card().model_id
    connection.execute(
        "INSERT INTO ledger.model VALUES (?, 'm', 'n', 'p', 'l', 'w', 'd', 1, 0.5, 0.5, now(), true)", [model]
    )
    for position, role in enumerate(ROLES, start=1):
        connection.execute("INSERT INTO ledger.model_role VALUES (?, ?, ?, 0.5, 0.4, 0.6)", [model, role, position])
    enter(connection, model, 1, "/track.wav", "track", 120.0, ("A", "minor"), ("bass", "percussion"))
    enter(connection, model, 2, "/melody.wav", "loop", 126.0, ("C", "major"), ("melody",))
    enter(connection, model, 3, "/half.wav", "loop", 61.0, (None, None), ("chords",))
    enter(connection, model, 4, "/bass.wav", "loop", 120.0, ("A", "minor"), ("bass",))
    enter(connection, model, 5, "/fast.wav", "loop", 150.0, ("A", "minor"), ("melody",))
    enter(connection, model, 6, "/sharp.wav", "loop", 120.0, ("F#", "major"), ("melody",))
    enter(connection, model, 7, "/stab.wav", "oneshot", None, ("A", "minor"), ("melody",))
    spans = (("percussion", 1, 64), ("bass", 17, 48), ("vocal", 33, 40))
    connection.execute(
        "INSERT INTO ledger.bars VALUES (1, 1, $levels, $silence, ledger.sounding_in($spans, 1, 64))",
        {
            "levels": [-6.0] * 32 + [0.0] * 32,
            "silence": [0] * 64,
            "spans": [{"role": role, "start_bar": start, "end_bar": end} for role, start, end in spans],
        },
    )
    for role, start, end in spans:
        connection.execute("INSERT INTO ledger.role_span VALUES (1, ?, ?, ?)", [role, start, end])
    for number, (label, start, end) in enumerate((("intro", 1, 16), ("core", 17, 48), ("outro", 49, 64))):
        connection.execute("INSERT INTO ledger.section VALUES (1, ?, ?, 1.0, ?, ?, 0.9)", [number, label, start, end])
    yield connection
    connection.close()


def enter(
    connection: duckdb.DuckDBPyConnection,
    model: str,
    number: int,
    path: str,
    kind: str,
    bpm: float | None,
    key: tuple[str | None, str | None],
    roles: tuple[str, ...],
) -> None:
    probabilities = [0.9 if role in roles else 0.1 for role in ROLES]
    connection.execute(
        "INSERT INTO ledger.file BY NAME SELECT ? AS track_id, ? AS path, ? AS label_key, ? AS shown_key, "
        "'r' AS run_id, 'new' AS finding",
        [number, path, path, path],
    )
    connection.execute(
        "INSERT INTO ledger.label BY NAME SELECT ? AS label_id, ? AS label_key, ? AS model_id, ? AS audio_hash, "
        "'labelled' AS status, ? AS kind, 128.0 AS duration_s, ? AS bpm, 0.0 AS first_downbeat_s, ? AS key, ? AS mode, "
        "?::FLOAT[6] AS probabilities, 'r' AS run_id, now() AS labelled_at",
        [number, path, model, path, kind, bpm, *key, probabilities],
    )


def test_a_stretch_of_percussion_alone_at_either_end_is_found(catalogue: duckdb.DuckDBPyConnection) -> None:
    assert catalogue.sql("SELECT path, start_bar, end_bar, bars FROM mix_in").fetchall() == [("/track.wav", 1, 16, 16)]
    assert catalogue.sql("SELECT path, start_bar, end_bar, bars FROM mix_out").fetchall() == [
        ("/track.wav", 49, 64, 16)
    ]
    catalogue.execute("UPDATE ledger.role_span SET start_bar = 8 WHERE role = 'bass'")
    assert catalogue.sql("FROM mix_in").fetchall() == []


def test_the_first_core_is_told_in_bars_and_seconds(catalogue: duckdb.DuckDBPyConnection) -> None:
    assert catalogue.sql("SELECT bar, start_s FROM first_core").fetchall() == [(17, 32.0)]


def test_a_section_tells_how_sure_its_border_is_and_a_core_where_it_drops(catalogue: duckdb.DuckDBPyConnection) -> None:
    rows = catalogue.sql("SELECT label, border_confidence, drop_bar FROM sections ORDER BY section").fetchall()
    assert rows == [("intro", 0.9, None), ("core", 0.9, 17), ("outro", 0.9, None)]


def test_bars_without_bass_or_vocal_are_found(catalogue: duckdb.DuckDBPyConnection) -> None:
    free = catalogue.sql("SELECT bar FROM bar_roles WHERE NOT bass AND NOT vocal ORDER BY bar").fetchall()
    assert [bar for (bar,) in free] == [*range(1, 17), *range(49, 65)]


def test_the_energy_curve_has_a_row_for_each_bar(catalogue: duckdb.DuckDBPyConnection) -> None:
    curve = catalogue.sql("SELECT bar, start_s, roles, energy FROM energy ORDER BY bar").fetchall()
    assert (len(curve), curve[0], curve[39]) == (64, (1, 0.0, 1, 0.5), (40, 78.0, 3, 1.0))


def test_bars_and_stays_are_told_in_seconds(catalogue: duckdb.DuckDBPyConnection) -> None:
    assert catalogue.sql("SELECT start_s, end_s, level_db FROM bars WHERE bar = 64").fetchall() == [(126.0, 128.0, 0.0)]
    assert catalogue.sql("SELECT start_s, end_s FROM role_spans WHERE role = 'vocal'").fetchall() == [(64.0, 80.0)]


def test_compatible_loops_have_a_near_tempo_or_half_of_it_the_same_notes_and_other_roles_and_known_notes_come_first(
    catalogue: duckdb.DuckDBPyConnection,
) -> None:
    found = catalogue.sql("SELECT path, stretch, key_match FROM compatible_loops(1)").fetchall()
    assert found == [("/melody.wav", 0.9524, "same notes"), ("/half.wav", 0.9836, "unknown")]


def test_a_track_says_its_roles_sections_and_ends_in_one_row(catalogue: duckdb.DuckDBPyConnection) -> None:
    catalogue.execute("INSERT INTO ledger.correction_role VALUES ('/track.wav', 'vocal', true, now())")
    catalogue.execute("UPDATE ledger.label SET probabilities = [0.9, 0.9, 0.5, 0.1, 0.1, 0.1] WHERE label_id = 1")
    (row,) = catalogue.sql(
        "SELECT bass > 0.89, vocal, roles, unsure_roles, corrected_roles, section_count, "
        "section_confidence, first_core_bar, "
        "mix_in_bars, mix_out_bars FROM tracks WHERE track_id = 1"
    ).fetchall()
    assert row == (True, 1.0, ["bass", "percussion", "fx", "vocal"], ["fx"], ["vocal"], 3, 1.0, 17, 16, 16)


def test_a_one_shot_has_roles_and_is_no_answer_to_what_asks_for_a_tempo(catalogue: duckdb.DuckDBPyConnection) -> None:
    assert catalogue.sql("SELECT role FROM roles WHERE active AND path = '/stab.wav'").fetchall() == [("melody",)]
    assert catalogue.sql("SELECT kind, bpm, status FROM tracks WHERE path = '/stab.wav'").fetchall() == [
        ("oneshot", None, "labelled")
    ]
    assert catalogue.sql("FROM compatible_loops(7)").fetchall() == []
    for view in ("segments", "iram", "bars", "bar_roles", "role_spans", "sections", "energy", "first_core"):
        assert catalogue.sql(f"SELECT count(*) FROM {view} WHERE track_id = 7").fetchall() == [(0,)]


def test_every_view_says_what_it_is_for(catalogue: duckdb.DuckDBPyConnection) -> None:
    silent = catalogue.sql(
        "SELECT view_name FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal AND comment IS NULL"
    ).fetchall()
    assert silent == []


def test_segments_are_counted_from_the_end_in_a_loop_too_which_has_no_bars(
    catalogue: duckdb.DuckDBPyConnection,
) -> None:
    catalogue.execute(
        "INSERT INTO ledger.segment SELECT label_id, segment, segment * 4 + 1, segment * 4 + 4, 0, 0, 0, 0, 0, 0, 0, 0 "
        "FROM (VALUES (1, -1), (1, 0), (1, 1), (2, 0)) AS segment(label_id, segment)"
    )
    rows = catalogue.execute("SELECT track_id, segment, from_end FROM segments ORDER BY ALL").fetchall()
    assert rows == [(1, -1, 2), (1, 0, 1), (1, 1, 0), (2, 0, 0)]
