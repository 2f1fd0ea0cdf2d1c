import shutil
from importlib import resources
from pathlib import Path

import duckdb
import pytest

from storage.catalogue.ledger import Ledger
from storage.catalogue.schema import SCHEMA_VERSION
from storage.errors import UserError
from storage.machine_limits import machine_limits
from storage.published.queries import ask, open_catalogue
from storage.workspace import Workspace
from tests.support.dummies import card


@pytest.fixture
def empty(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def published(empty: Workspace) -> Workspace:
    with Ledger.of(empty) as ledger:
        ledger.register_model(card())
        ledger.activate_model(card().model_id)
        ledger.publish()
    return empty


@pytest.mark.parametrize("view", ["tracks", "roles", "segments", "iram", "sections", "errors", "runs", "lineage"])
def test_an_empty_catalogue_answers_with_no_rows_and_is_not_made(empty: Workspace, view: str) -> None:
    answer = ask(empty, f"SELECT * FROM {view}")
    assert (answer.rows, len(answer.columns) > 1) == ([], True)
    assert not empty.root.exists()


def test_a_question_is_answered_with_names_and_rows(published: Workspace) -> None:
    answer = ask(published, "SELECT name, active FROM models")
    assert (answer.columns, answer.rows) == (["name", "active"], [("dummy", True)])
    assert answer.to_dicts() == [{"name": "dummy", "active": True}]


@pytest.mark.parametrize(
    "sql", ["FROM models", "WITH m AS (FROM models) SELECT * FROM m", "DESCRIBE tracks", "SHOW TABLES", "VALUES (1);"]
)
def test_every_way_of_reading_is_answered(published: Workspace, sql: str) -> None:
    assert ask(published, sql).rows


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO ledger.model_source VALUES ('a', 'b', 'c', 1)",
        "UPDATE ledger.model SET name = 'x'",
        "DELETE FROM ledger.model",
        "CREATE TABLE t (a INTEGER)",
        "CREATE TEMP TABLE t AS SELECT 1",
        "DROP VIEW tracks",
        "COPY (SELECT 1) TO 'written.csv'",
        "EXPORT DATABASE 'written'",
        "ATTACH 'written.duckdb' AS other",
        "SET threads = 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW tracks",
        "",
        "-- nothing but a comment",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO 'written.csv'",
    ],
)
@pytest.mark.parametrize("state", ["empty", "published"])
def test_whatever_writes_is_refused_and_writes_nothing(
    sql: str, state: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = request.getfixturevalue(state)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(UserError, match="one SELECT at a time"):
        ask(workspace, sql)
    assert not list((tmp_path / "here").iterdir())


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT (", "SELECT * FROM nowhere", "SELECT 1 / 'a'"])
def test_sql_that_fails_is_the_users_and_named(published: Workspace, sql: str) -> None:
    with pytest.raises(UserError, match="the SQL"):
        ask(published, sql)


def test_a_catalogue_of_a_newer_schema_is_refused_by_name(published: Workspace) -> None:
    with duckdb.connect(str(published.catalogue)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, 'later', now())", [SCHEMA_VERSION + 1])
    with pytest.raises(UserError, match=r"catalogue.duckdb has schema version"), open_catalogue(published):
        pass


def test_a_file_that_is_no_catalogue_is_refused_by_name(empty: Workspace) -> None:
    empty.root.mkdir()
    empty.catalogue.write_text("not a database" * 1000)
    with pytest.raises(UserError, match=r"cannot open .*catalogue.duckdb"):
        ask(empty, "SELECT 1")


def test_a_catalogue_of_an_older_schema_is_answered_from_and_left_as_it_is(empty: Workspace) -> None:
    empty.root.mkdir()
    with duckdb.connect(str(empty.catalogue)) as connection:
        connection.execute((resources.files("storage") / "sql" / "001_tables.sql").read_text(encoding="utf-8"))
        connection.execute(
            "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, name VARCHAR, applied_at TIMESTAMPTZ)"
        )
        connection.execute("INSERT INTO schema_migrations VALUES (1, '001_tables.sql', now())")
        connection.execute(
            "INSERT INTO ledger.file (path, content_hash, label_key, run_id, finding) "
            "VALUES ('/a', 'b', 'k', 'r', 'new')"
        )
    before = empty.catalogue.read_bytes()
    assert ask(empty, "SELECT path, audio_hash, status FROM tracks").rows == [("/a", None, "pending")]
    assert empty.catalogue.read_bytes() == before


def test_a_question_takes_half_of_the_memory_or_what_is_stated_and_spills_into_the_workspace(
    published: Workspace,
) -> None:
    asked = "SELECT current_setting('memory_limit'), current_setting('temp_directory')"
    half = machine_limits().database_memory
    assert half is not None
    assert ask(
        published, f"SELECT current_setting('memory_limit') = format_bytes({half // 1_000_000 * 1_000_000})"
    ).rows
    assert ask(published, asked, "300MB").rows == [("286.1 MiB", str(published.temporary))]
    with pytest.raises(UserError, match="much is not a size of memory; write it like 800MB or 4GB"):
        ask(published, "SELECT 1", "much")
    big = "SELECT count(*) FROM (SELECT * FROM range(3000000) r(i) ORDER BY hash(i) LIMIT 2500000)"
    assert ask(published, big, "60MB").rows == [(2_500_000,)]
    assert not published.temporary.exists()


def test_a_catalogue_from_before_there_were_tables_made_for_reading_is_answered_from(empty: Workspace) -> None:
    with Ledger.of(empty) as ledger:
        ledger.register_model(card())
        ledger.connection.execute("CHECKPOINT")
        shutil.copyfile(empty.ledger, empty.catalogue)  # what earlier versions published
    with duckdb.connect(str(empty.catalogue)) as connection:
        connection.execute("DROP SCHEMA reading CASCADE")
    assert ask(empty, "SELECT name, (SELECT count(*) FROM tracks) FROM models").rows == [("dummy", 0)]
