import duckdb
import pytest

from storage.errors import UserError
from storage.schema import SCHEMA_VERSION, migrate, refuse_newer, schema_version

VIEWS = {
    "tracks": "track_id path content_hash kind duration_s bpm bpm_source bpm_confidence bpm_alternative bpm_locked "
    "first_downbeat_s key mode key_source key_confidence status labelled_at",
    "roles": "track_id path role probability active unsure source model_id",
    "segments": "track_id segment start_bar end_bar start_s end_s bass percussion fx melody chords vocal",
    "iram": "track_id path segment start_bar end_bar start_s end_s role activation active model_id",
    "sections": "track_id path section label confidence start_bar end_bar start_s end_s",
    "errors": "path stage reason message attempts retryable run_id last_seen",
    "models": "model_id name network pooling loss weights_digest dataset_digest parameters macro_pr_auc macro_roc_auc "
    "active created_at",
    "runs": "run_id flow started_at ended_at state found labelled unchanged duplicate quarantined known_bad decoded",
    "lineage": "model_id weights_digest dataset_digest source licence loops",
}


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
