"""Labelling a bucket from the command line: planned without reading, read once, moved and corrected by URL."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.doubles.s3 import KEY, SECRET, Bucket, serve_bucket
from tests.support.commands import Program

pytestmark = pytest.mark.slow

LOOPS = ("loop_breakbeat_126bpm.ogg", "loop_drone_g_97.ogg", "loop_tabla.ogg")


@pytest.fixture
def bucket(music: Path) -> Iterator[Bucket]:
    with serve_bucket() as served:
        for name in LOOPS:
            served.put(f"kit/{name}", (music / "loops" / name).read_bytes())
        yield served


def rows(workspace: Path, sql: str) -> list[tuple[Any, ...]]:
    return ask(Workspace(workspace), sql).rows


def test_a_bucket_is_planned_without_reading_labelled_once_and_followed_where_it_changes(
    alone: Program, bucket: Bucket, music: Path, tmp_path: Path
) -> None:
    rolecall, workspace = Program({**alone.settings, **bucket.settings()}), tmp_path / "workspace"
    where = ("--workspace", workspace)
    planned = rolecall("plan", "s3://music/", *where, "--json").json()
    assert (planned["new"], planned["to_decode"], planned["audio_hours"], dict(bucket.reads)) == (3, 3, None, {})

    first = rolecall("label", "s3://music/", *where, "--publish-to", "s3://music/answers/catalogue.duckdb", "--json")
    assert (first.code, first.json()["labelled"]) == (0, 3), first.err
    sizes = {name: (music / "loops" / name).stat().st_size for name in LOOPS}
    assert rows(workspace, "SELECT bytes_read FROM runs") == [(sum(sizes.values()),)]
    digests = [hashlib.sha256((music / "loops" / name).read_bytes()).hexdigest() for name in LOOPS]
    told = rows(workspace, "SELECT path, content_hash FROM tracks ORDER BY path")
    assert told == [(f"s3://music/kit/{name}", digest) for name, digest in zip(LOOPS, digests, strict=True)]
    assert [key.partition("-")[0] for key in bucket.objects() if "answers" in key] == [
        "answers/catalogue",
        "answers/catalogue.json",
    ]

    bucket.put("other/loop_tabla.ogg", (music / "loops" / LOOPS[2]).read_bytes())
    bucket.remove(f"kit/{LOOPS[2]}")
    before = rows(workspace, f"SELECT track_id FROM tracks WHERE path = 's3://music/kit/{LOOPS[2]}'")
    bucket.reads.clear()
    planned = rolecall("plan", "s3://music", *where, "--json").json()
    assert (planned["unchanged"], planned["moved"], planned["to_decode"]) == (2, 1, 0)
    assert rolecall("label", "s3://music", *where, "--json").json()["decoded"] == 0
    assert rows(workspace, "SELECT track_id FROM tracks WHERE path = 's3://music/other/loop_tabla.ogg'") == before
    assert not [key for key in bucket.reads if key.endswith(".ogg")]

    bucket.put("list.csv", f"path,bpm\nkit/{LOOPS[0]},63\nkit/gone.ogg,\n".encode())
    listed = rolecall("label", "--manifest", "s3://music/list.csv", *where, "--json")
    assert (listed.code, listed.json()["labelled"], listed.json()["quarantined"]) == (3, 1, 1), listed.err
    assert rows(workspace, "SELECT path, reason FROM errors") == [("s3://music/kit/gone.ogg", "vanished")]
    assert rows(workspace, f"SELECT bpm, bpm_source FROM tracks WHERE path LIKE '%{LOOPS[0]}'") == [(63, "manifest")]

    assert rolecall("correct", "s3://music/other/loop_tabla.ogg", "--role", "vocal=yes", *where).code == 0
    assert rows(workspace, "SELECT path FROM roles WHERE source = 'person'") == [("s3://music/other/loop_tabla.ogg",)]
    written = [path.read_bytes() for path in workspace.rglob("*") if path.is_file()]
    for word in (SECRET, KEY):
        assert not any(word.encode() in content for content in written)
        assert not any(word in text for ended in (first, listed) for text in (ended.out, ended.err))


def test_a_url_that_cannot_be_read_is_said_before_anything_is_done(
    alone: Program, bucket: Bucket, tmp_path: Path
) -> None:
    rolecall, workspace = Program({**alone.settings, **bucket.settings()}), tmp_path / "workspace"
    for words, said in (
        (("label", "s3://music/nowhere"), "s3://music/nowhere is not there"),
        (("plan", "ftp://host/a"), "not a kind of URL"),
        (("label", f"s3://{KEY}:{SECRET}@music"), "holds a user or a password"),
        (("label", "s3://music", "--publish-to", "s3://music/c.db"), "no place for a catalogue"),
    ):
        ended = rolecall(*words, "--workspace", workspace)
        assert (ended.code, said in ended.err) == (2, True), ended.err
        assert SECRET not in ended.err
    assert not workspace.exists()
