import contextlib
from typing import Any

import duckdb
import pytest

from storage.catalogue.label_parts import write_part
from storage.catalogue.ledger import RunCounts
from storage.vocabulary import Reason
from tests.support.dummies import Nights, card, labelled, refused

A: dict[str, Any] = {"path": "/a.wav", "bpm": 120.0, "kind": "loop", "first_downbeat_s": 0.25}
B: dict[str, Any] = {"path": "/b.wav"}
C: dict[str, Any] = {"path": "/c.wav"}
COPY_OF_B: dict[str, Any] = {"path": "/copy.wav", "content": "/b.wav"}

EVERYTHING = (
    "FROM tracks ORDER BY ALL",
    "FROM roles ORDER BY ALL",
    "FROM segments ORDER BY ALL",
    "SELECT path, reason, message, attempts FROM errors ORDER BY ALL",
)


def state(nights: Nights) -> list[list[tuple[Any, ...]]]:
    return [nights.ask(query) for query in EVERYTHING]


def test_a_task_carries_what_was_said_of_its_file(nights: Nights) -> None:
    nights.survey("one", A)
    (task,) = nights.labels.tasks("one")
    assert (task.path, task.size, task.kind, task.bpm, task.first_downbeat_s) == ("/a.wav", 1000, "loop", 120.0, 0.25)


def test_tasks_come_in_the_order_of_paths(nights: Nights) -> None:
    nights.survey("one", C, A, B)
    assert [task.path for task in nights.labels.tasks("one")] == ["/a.wav", "/b.wav", "/c.wav"]


def test_tasks_are_read_in_pages_and_none_is_left_out(nights: Nights) -> None:
    nights.survey("one", *({"path": f"/{number:03d}.wav"} for number in range(25)))
    assert [task.path for task in nights.labels.tasks("one", page=10)] == [f"/{n:03d}.wav" for n in range(25)]
    assert nights.labels.work("one") == 25


def test_findings_are_counted(nights: Nights) -> None:
    nights.run("one", A)
    nights.survey("two", A, B, C)
    assert nights.labels.findings("two") == {"unchanged": 1, "new": 2}


def test_a_committed_part_is_answered_by_every_view(nights: Nights) -> None:
    nights.run("one", B, COPY_OF_B, C, bad=["/c.wav"])
    assert nights.ask("SELECT path, status, content_hash, bpm, bpm_source FROM tracks ORDER BY path") == [
        ("/b.wav", "labelled", "hash of /b.wav", 120.0, "filename"),
        ("/c.wav", "quarantined", "hash of /c.wav", None, None),
        ("/copy.wav", "labelled", "hash of /b.wav", 120.0, "filename"),
    ]
    assert nights.ask("SELECT path, count(*), min(source) FROM roles GROUP BY ALL ORDER BY ALL") == [
        ("/b.wav", 6, "model"),
        ("/copy.wav", 6, "model"),
    ]
    assert nights.ask("SELECT count(*), count(DISTINCT track_id), min(end_bar) FROM segments") == [(2, 2, 4)]
    assert nights.ask("SELECT count(*) FROM iram") == [(12,)]
    assert nights.ask("SELECT path, stage, reason, attempts, retryable FROM errors") == [
        ("/c.wav", "decode", "truncated", 1, False)
    ]
    assert nights.ask("SELECT source, licence, loops FROM lineage") == [("folder: a", "CC0", 3)]


def test_roles_are_active_and_unsure_by_the_models_own_thresholds(nights: Nights) -> None:
    nights.survey("one", A)
    (task,) = nights.labels.tasks("one")
    part = nights.workspace.parts / "one" / "a.parquet"
    write_part(part, [labelled(task.label_key, nights.model_id, (0.0, 0.4, 0.49, 0.5, 0.6, 0.9))])
    nights.committer.commit_left()
    rows = nights.ask("SELECT role, active, unsure FROM roles")
    assert {role: (active, unsure) for role, active, unsure in rows} == {
        "bass": (False, False),
        "percussion": (False, True),
        "fx": (False, True),
        "melody": (True, True),
        "chords": (True, False),
        "vocal": (True, False),
    }
    assert nights.ask("SELECT bass, vocal FROM segments") == [(0.0, pytest.approx(0.9))]


def test_committing_the_same_part_twice_changes_nothing(nights: Nights) -> None:
    nights.survey("one", A, B, C)
    part = nights.work("one", bad=["/c.wav"])
    assert nights.committer.commit_left() == 3
    before = state(nights)
    assert nights.committer.commit_left() == 0
    with contextlib.suppress(duckdb.ConstraintException):
        nights.committer.commit([part])
    assert state(nights) == before


def test_a_part_left_by_a_killed_run_is_committed_by_the_next(nights: Nights) -> None:
    nights.survey("killed", A, B)
    nights.work("killed")
    assert nights.committer.commit_left() == 2
    assert nights.survey("next", A, B) == {"/a.wav": "unchanged", "/b.wav": "unchanged"}


def test_labelling_again_replaces_labels_and_segments(nights: Nights) -> None:
    nights.run("one", A)
    (key,) = (row[0] for row in nights.ask("SELECT label_key FROM ledger.label"))
    write_part(nights.workspace.parts / "two" / "a.parquet", [labelled(key, nights.model_id, (0.75,) * 6)])
    nights.committer.commit_left()
    assert nights.ask("SELECT DISTINCT probability FROM roles") == [(0.75,)]
    assert nights.ask("SELECT bass FROM segments") == [(0.75,)]


def test_a_part_that_cannot_be_read_is_committed_not_at_all(nights: Nights) -> None:
    nights.run("one", A)
    before = state(nights)
    broken = nights.workspace.parts / "two" / "a.parquet"
    broken.parent.mkdir()
    broken.write_text("no parquet")
    with pytest.raises(duckdb.Error):
        nights.committer.commit([broken])
    assert state(nights) == before


def test_every_path_with_the_bytes_of_a_bad_file_is_in_quarantine(nights: Nights) -> None:
    nights.run("one", B, COPY_OF_B, bad=["/b.wav"])
    assert nights.ask("SELECT path FROM errors ORDER BY path") == [("/b.wav",), ("/copy.wav",)]


def test_another_failure_counts_one_more_attempt_and_tells_the_latest_reason(nights: Nights) -> None:
    nights.run("one", A, bad=["/a.wav"])
    (key,) = (row[0] for row in nights.ask("SELECT label_key FROM ledger.file"))
    write_part(nights.workspace.parts / "two" / "a.parquet", [refused(key, nights.model_id, Reason.TIMEOUT)])
    nights.committer.commit_left()
    assert nights.ask("SELECT reason, attempts, retryable, run_id FROM errors") == [("timeout", 2, True, "two")]


def test_a_labelled_file_leaves_quarantine(nights: Nights) -> None:
    nights.run("one", A, B, bad=["/a.wav"])
    nights.run("two", {**A, "mtime_ns": 2, "content": "mended"}, B)
    assert nights.ask("FROM errors") == []
    assert nights.ask("SELECT DISTINCT status FROM tracks") == [("labelled",)]


def test_the_views_answer_from_the_active_model_alone(nights: Nights) -> None:
    other = card(mel={"mels": 1})
    nights.ledger.register_model(other)
    nights.run("one", A)
    nights.run("two", A, model_id=other.model_id)
    for model_id in (nights.model_id, other.model_id):
        nights.ledger.activate_model(model_id)
        assert nights.ask("SELECT DISTINCT model_id FROM roles") == [(model_id,)]
        assert nights.ask("SELECT count(*) FROM iram") == [(6,)]


def test_every_found_file_is_counted_once(nights: Nights) -> None:
    nights.run("one", A, B, bad=["/b.wav"])
    assert nights.labels.count("one", nights.model_id) == RunCounts(2, 1, 0, 0, 1, 0, 2)
    copy_of_a = {**A, "path": "/copy of a.wav", "content": "/a.wav"}
    nights.run("two", A, B, C, copy_of_a, {"path": "/d.wav"}, bad=["/d.wav"])
    counts = nights.labels.count("two", nights.model_id)
    assert counts == RunCounts(found=5, labelled=1, unchanged=1, duplicate=1, quarantined=1, known_bad=1, decoded=2)
    assert counts.reconciles


def test_duplicates_of_a_file_that_turned_out_bad_are_counted_as_quarantined(nights: Nights) -> None:
    nights.run("one", B, COPY_OF_B, bad=["/b.wav"])
    assert nights.labels.count("one", nights.model_id) == RunCounts(2, 0, 0, 0, 2, 0, 1)


def test_a_run_with_work_undone_does_not_reconcile(nights: Nights) -> None:
    nights.survey("one", A, B)
    assert not nights.labels.count("one", nights.model_id).reconciles


def test_a_run_that_found_nothing_reconciles(nights: Nights) -> None:
    nights.run("one")
    assert nights.labels.count("one", nights.model_id) == RunCounts(0, 0, 0, 0, 0, 0, 0)
