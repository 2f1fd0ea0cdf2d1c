"""A catalogue elsewhere: found by its pointer, read in place where DuckDB has httpfs, and else by its copy."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.errors import UserError
from storage.published.elsewhere import ask_elsewhere
from storage.published.pushed import push, version_at
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.doubles.s3 import SECRET, Bucket, environment, serve_bucket
from tests.storage.published.test_pushed import TARGET, publish


def has_httpfs() -> bool:
    try:
        duckdb.connect().execute("LOAD httpfs")
    except duckdb.Error:
        return False
    return True


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        yield served


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("published"))
    publish(workspace, "one")
    return workspace


def test_a_copy_answers_every_public_view_as_the_catalogue_itself(published: Workspace, tmp_path: Path) -> None:
    told = "SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'"
    views = [name for (name,) in ask(published, told).rows]
    assert {"tracks", "roles", "segments", "runs"} <= set(views)
    for sql in ("SELECT run_id FROM runs", *(f'FROM "{view}"' for view in views)):
        assert ask_elsewhere(str(published.catalogue), Workspace(tmp_path), sql) == ask(published, sql)


def test_nothing_is_written_to_it(published: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="writes nothing"):
        ask_elsewhere(str(published.catalogue), Workspace(tmp_path), "DELETE FROM runs")


def test_what_is_no_catalogue_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.duckdb").write_text("no database")
    with duckdb.connect(str(tmp_path / "empty.duckdb")) as empty:
        empty.execute("CREATE TABLE a (b INTEGER)")
    for name, why in (("a", "cannot be opened as a catalogue"), ("gone", "cannot"), ("empty", "an older rolecall")):
        with pytest.raises(UserError, match=rf"{name}\.duckdb .*{why}"):
            ask_elsewhere(str(tmp_path / f"{name}.duckdb"), Workspace(tmp_path / "workspace"), "FROM runs")


def test_a_url_is_the_version_that_its_pointer_names_and_without_one_itself(
    bucket: Bucket, published: Workspace
) -> None:
    assert version_at(TARGET) == TARGET
    pushed = push(published.catalogue, TARGET)
    version = version_at(TARGET)
    assert version == f"{TARGET.rpartition('/')[0]}/{pushed.catalogue}"
    assert version_at(version) == version


@pytest.mark.skipif(has_httpfs(), reason="httpfs is installed here")
def test_without_httpfs_one_line_says_what_to_do(bucket: Bucket, published: Workspace) -> None:
    with pytest.raises(UserError, match=r"^s3://music/nightly/catalogue\.duckdb is read .*'INSTALL httpfs'") as error:
        ask_elsewhere(TARGET, published, "FROM runs")
    assert "\n" not in str(error.value)


@pytest.mark.skipif(not has_httpfs(), reason="httpfs is not installed here")
def test_a_pushed_catalogue_is_read_in_place(bucket: Bucket, published: Workspace) -> None:
    push(published.catalogue, TARGET)
    assert ask_elsewhere(TARGET, published, "SELECT run_id FROM runs").rows == [("one",)]
    with pytest.raises(UserError) as error:
        ask_elsewhere("s3://music/nowhere/catalogue.duckdb", published, "FROM runs")
    assert SECRET not in str(error.value)


def test_a_store_that_duckdb_does_not_read_is_refused(published: Workspace) -> None:
    with pytest.raises(UserError, match="is not read in place, only s3, http, https are"):
        ask_elsewhere("gs://answers/catalogue.duckdb", published, "FROM runs")
