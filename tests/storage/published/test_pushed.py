"""Pushing the published catalogue to a bucket: a pointer names the latest version, and readers keep theirs."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.published.pushed import checked_target, push, version_at
from storage.urls import open_store
from storage.workspace import Workspace
from tests.doubles.s3 import Bucket, environment, serve_bucket

TARGET = "s3://music/nightly/catalogue.duckdb"


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        yield served


def publish(workspace: Workspace, run: str) -> None:
    with Ledger.of(workspace) as ledger:
        ledger.open_run(run, "label")
        ledger.publish()


def runs_in(url: str, scratch: Path) -> int:
    store, path = open_store(url)
    store.get_file(path, str(scratch / "copy.duckdb"))
    with duckdb.connect(str(scratch / "copy.duckdb"), read_only=True) as connection:
        return int(connection.execute("SELECT count(*) FROM runs").fetchall()[0][0])


def test_the_pointer_names_the_latest_version_and_the_one_before_stays_for_who_reads_it(
    bucket: Bucket, tmp_path: Path
) -> None:
    assert version_at(TARGET) == TARGET
    workspace, versions = Workspace(tmp_path / "workspace"), []
    for number, run in enumerate(("one", "two", "three"), start=1):
        publish(workspace, run)
        push(workspace.catalogue, TARGET)
        versions.append(version_at(TARGET))
        assert runs_in(versions[-1], tmp_path) == number
    there = [f"s3://music/{key}" for key in bucket.objects()]
    assert set(there) == {*versions[1:], "s3://music/nightly/catalogue.json"}


def test_what_was_pushed_already_is_not_pushed_again(bucket: Bucket, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    publish(workspace, "one")
    first = push(workspace.catalogue, "s3://music/again/catalogue.duckdb")
    assert push(workspace.catalogue, "s3://music/again/catalogue.duckdb") == first
    store, path = open_store("s3://music/again/catalogue.json")
    assert json.loads(store.cat_file(path))["sha256"] == first.sha256


@pytest.mark.parametrize("url", ["https://host/catalogue.duckdb", "s3://music/catalogue.db", "sftp://host/c.duckdb"])
def test_a_place_that_cannot_be_replaced_as_one_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no place for a catalogue"):
        checked_target(url)


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket, tmp_path: Path) -> None:
    publish(Workspace(tmp_path), "one")
    with pytest.raises(UserError, match=r"s3://no-such-bucket/catalogue\.duckdb is not there"):
        push(Workspace(tmp_path).catalogue, "s3://no-such-bucket/catalogue.duckdb")
