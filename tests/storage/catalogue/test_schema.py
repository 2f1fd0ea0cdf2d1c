from itertools import takewhile

import duckdb
import numpy as np
import pytest

from storage.catalogue.schema import _MIGRATIONS, SCHEMA_VERSION, _read, migrate, refuse_newer, schema_version
from storage.errors import UserError

VIEWS = {
    "tracks": "track_id path content_hash kind duration_s bpm bpm_source bpm_confidence bpm_alternative half_time "
    "bpm_drift bpm_locked first_downbeat_s key mode key_source key_confidence status labelled_at "
    "bass percussion fx melody chords vocal roles unsure_roles corrected_roles",
    "roles": "track_id path role probability active unsure source model_id",
    "segments": "track_id segment start_bar end_bar start_s end_s bass percussion fx melody chords vocal",
    "iram": "track_id path segment start_bar end_bar start_s end_s role activation active model_id",
    "role_spans": "track_id path role start_bar end_bar start_s end_s",
    "bar_roles": "track_id path bar bass percussion fx melody chords vocal",
    "sections": "track_id path section label confidence start_bar end_bar start_s end_s border_confidence drop_bar",
    "errors": "path stage reason message attempts retryable run_id last_seen",
    "models": "model_id name network pooling loss weights_digest dataset_digest parameters macro_pr_auc macro_roc_auc "
    "active created_at",
    "runs": "run_id flow started_at ended_at state found labelled unchanged duplicate quarantined known_bad decoded",
    "lineage": "model_id weights_digest dataset_digest source licence loops",
}


def before(migration: str) -> duckdb.DuckDBPyConnection:
    """An empty database of the schema that a migration finds."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name VARCHAR, applied_at TIMESTAMPTZ)"
    )
    for version, name in enumerate(takewhile(lambda name: name != migration, _MIGRATIONS), start=1):
        connection.execute(_read(name))
        connection.execute("INSERT INTO schema_migrations VALUES (?, ?, now())", [version, name])
    return connection


@pytest.fixture
def fresh() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    migrate(connection, "memory")
    return connection


def test_an_empty_database_has_version_nought_and_a_fresh_one_this_version(fresh: duckdb.DuckDBPyConnection) -> None:
    assert schema_version(duckdb.connect()) == 0
    assert schema_version(fresh) == SCHEMA_VERSION


def test_migrating_twice_changes_nothing(fresh: duckdb.DuckDBPyConnection) -> None:
    fresh.execute("INSERT INTO ledger.run (run_id, flow, started_at, state) VALUES ('a', 'label', now(), 'running')")
    before = fresh.execute("FROM schema_migrations").fetchall()
    migrate(fresh, "memory")
    assert fresh.execute("FROM schema_migrations").fetchall() == before
    assert fresh.execute("SELECT run_id FROM runs").fetchall() == [("a",)]


def test_a_newer_database_is_refused_by_name_and_left_as_it_is(fresh: duckdb.DuckDBPyConnection) -> None:
    fresh.execute("INSERT INTO schema_migrations VALUES (?, 'later', now())", [SCHEMA_VERSION + 1])
    with pytest.raises(UserError, match=rf"here has schema version {SCHEMA_VERSION + 1}.*upgrade"):
        migrate(fresh, "here")
    assert schema_version(fresh) == SCHEMA_VERSION + 1
    refuse_newer(SCHEMA_VERSION, "here")


@pytest.mark.parametrize("view", VIEWS)
def test_every_public_view_has_its_columns_and_a_comment(fresh: duckdb.DuckDBPyConnection, view: str) -> None:
    columns = [name for name, *_ in fresh.execute(f"DESCRIBE {view}").fetchall()]
    assert set(VIEWS[view].split()) <= set(columns)
    ((comment,),) = fresh.execute("SELECT comment FROM duckdb_views() WHERE view_name = ?", [view]).fetchall()
    assert comment


@pytest.mark.parametrize(("old", "new"), [("stays", "role_spans"), ("sounding", "bar_roles")])
def test_an_old_name_is_a_view_that_says_its_new_name(fresh: duckdb.DuckDBPyConnection, old: str, new: str) -> None:
    assert fresh.execute(f"DESCRIBE {old}").fetchall() == fresh.execute(f"DESCRIBE {new}").fetchall()
    ((comment,),) = fresh.execute("SELECT comment FROM duckdb_views() WHERE view_name = ?", [old]).fetchall()
    assert new in comment


def test_a_catalogue_from_before_role_spans_keeps_them() -> None:
    connection = before("006_role_spans.sql")
    connection.execute("INSERT INTO ledger.stay VALUES (1, 'bass', 9, 16)")
    migrate(connection, "memory")
    assert connection.execute("FROM ledger.role_span").fetchall() == [(1, "bass", 9, 16)]


def test_a_catalogue_of_the_first_schema_keeps_its_labels() -> None:
    connection = before("002_small_rows.sql")
    connection.execute("INSERT INTO ledger.model VALUES ('m', 'm', 'n', 'p', 'l', 'w', 'd', 1, 0.5, 0.5, now(), true)")
    connection.execute("INSERT INTO ledger.model_role VALUES ('m', 'bass', 1, 0.5, 0.4, 0.6)")
    connection.execute(
        "INSERT INTO ledger.file (path, size, mtime_ns, content_hash, label_key, run_id, finding) "
        "VALUES ('/a.wav', 1, 1, 'bytes', 'key', 'run', 'new')"
    )
    connection.execute(
        "INSERT INTO ledger.label VALUES ('key', 'm', 'labelled', 'loop', 8.0, 120, 'tag', 1, NULL, 0, "
        "[0.9, 0, 0, 0, 0, 0], 'run', now())"
    )
    connection.execute("INSERT INTO ledger.segment VALUES ('key', 'm', 0, 1, 4, 0.0, 8.0, [0.9, 0, 0, 0, 0, 0])")
    migrate(connection, "memory")
    assert connection.execute("SELECT path, bpm, status FROM tracks").fetchall() == [("/a.wav", 120, "labelled")]
    assert connection.execute("SELECT role, active FROM roles").fetchall() == [("bass", True)]
    assert connection.execute("SELECT end_bar, bass > 0.8 FROM segments").fetchall() == [(4, True)]
    assert connection.execute("SELECT audio_hash FROM ledger.label").fetchall() == [("bytes",)]


def test_labels_from_before_say_which_roles_sound_in_each_bar() -> None:
    connection = before("012_sounding.sql")
    level, roles = [-6.0] * 12, [[0.5] * 12] * 6
    for label, first_bar in ((1, 0), (2, 1)):
        connection.execute(
            "INSERT INTO ledger.bars VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [label, first_bar, level, *roles]
        )
    connection.execute(
        "INSERT INTO ledger.role_span VALUES (1, 'percussion', 1, 8), (1, 'bass', 5, 9), (1, 'bass', 11, 11)"
    )
    migrate(connection, "memory")
    sounding = [0, 2, 2, 2, 2, 3, 3, 3, 3, 1, 0, 1]
    assert connection.execute("SELECT sounding FROM ledger.bars ORDER BY label_id").fetchall() == [
        (sounding,),
        ([0] * 12,),
    ]
    committed = "SELECT ledger.sounding_in(list({role: role, start_bar: start_bar, end_bar: end_bar}), 0, 12)"
    assert connection.execute(f"{committed} FROM ledger.role_span").fetchall() == [(sounding,)]


def test_labels_from_before_keep_the_level_and_the_activations_of_each_bar() -> None:
    connection = before("014_packed_bars.sql")
    roles = [[place / 10 + bar / 1000 for bar in range(3)] for place in range(5)]
    connection.execute(
        "INSERT INTO ledger.bars VALUES (7, 0, ?, ?, ?, ?, ?, ?, ?, [1, 2, 3])",
        [[-6.0, 0.5, -80.2], *roles, [1.0, 0.0, 0.999]],
    )
    migrate(connection, "memory")
    activations = ", ".join(f"ledger.activation_of(packed, {place})" for place in range(1, 7))
    bars = "SELECT unnest(level_db) AS level_db, unnest(activations) AS packed FROM ledger.bars"
    assert connection.execute(f"SELECT level_db, {activations} FROM ({bars})").fetchall() == [
        tuple(float(np.float32(value)) for value in row)
        for row in zip([-6.0, 0.5, -80.2], *roles, [1.0, 0.0, 0.999], strict=True)
    ]
    assert connection.execute("SELECT label_id, first_bar, sounding FROM ledger.bars").fetchall() == [(7, 0, [1, 2, 3])]


def test_labels_from_before_tempi_that_drift_have_constant_ones() -> None:
    connection = before("013_drifting_tempo.sql")
    connection.execute("INSERT INTO ledger.model VALUES ('m', 'm', 'n', 'p', 'l', 'w', 'd', 1, 0.5, 0.5, now(), true)")
    connection.execute("INSERT INTO ledger.model_role VALUES ('m', 'bass', 1, 0.5, 0.4, 0.6)")
    connection.execute(
        "INSERT INTO ledger.file (path, label_key, shown_key, run_id, finding) VALUES ('/a.wav', 'k', 'k', 'r', 'new')"
    )
    connection.execute(
        "INSERT INTO ledger.label BY NAME SELECT 1 AS label_id, 'k' AS label_key, 'm' AS model_id, 'h' AS audio_hash, "
        "'labelled' AS status, 'track' AS kind, 60.0 AS duration_s, 120.0 AS bpm, 1.0 AS first_downbeat_s, "
        "[0.9, 0, 0, 0, 0, 0]::FLOAT[6] AS probabilities, 'r' AS run_id, now() AS labelled_at"
    )
    connection.execute("INSERT INTO ledger.role_span VALUES (1, 'bass', 3, 4)")
    migrate(connection, "memory")
    assert connection.execute("SELECT bpm, bpm_drift FROM tracks").fetchall() == [(120.0, None)]
    assert connection.execute("SELECT start_s, end_s FROM role_spans").fetchall() == [(5.0, 9.0)]
