from typing import Any

import pytest

from storage.catalogue.comparison import (
    FINDINGS,
    DiskState,
    ambiguous_paths,
    compared_findings,
    count_findings,
    unread_paths,
)
from storage.vocabulary import Reason
from tests.support.dummies import Nights, card, found

A: dict[str, Any] = {"path": "/a.wav"}
B: dict[str, Any] = {"path": "/b.wav"}
C: dict[str, Any] = {"path": "/c.wav"}
COPY_OF_A: dict[str, Any] = {"path": "/copy.wav", "content": "/a.wav"}
OTHER = card(mel={"mels": 1})


def touched(file: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**file, "mtime_ns": 2, **changes}


def test_what_was_never_seen_is_new(nights: Nights) -> None:
    assert nights.survey("one", A, B) == {"/a.wav": "new", "/b.wav": "new"}


def test_what_was_labelled_is_unchanged(nights: Nights) -> None:
    nights.run("one", A, B)
    assert nights.run("two", A, B) == {"/a.wav": "unchanged", "/b.wav": "unchanged"}
    assert list(nights.labels.tasks("two")) == []


def test_the_same_bytes_under_two_names_are_labelled_once(nights: Nights) -> None:
    assert nights.run("one", A, COPY_OF_A) == {"/a.wav": "new", "/copy.wav": "duplicate"}
    assert [task.path for task in nights.labels.tasks("one")] == ["/a.wav"]
    assert nights.run("two", A, COPY_OF_A) == {"/a.wav": "unchanged", "/copy.wav": "unchanged"}


def test_a_renamed_file_is_a_duplicate_of_itself(nights: Nights) -> None:
    nights.run("one", A)
    assert nights.run("two", COPY_OF_A) == {"/copy.wav": "duplicate"}


def test_a_touched_file_with_the_same_bytes_is_unchanged(nights: Nights) -> None:
    nights.run("one", A)
    assert nights.run("two", touched(A)) == {"/a.wav": "unchanged"}


def test_other_bytes_at_a_known_path_are_changed(nights: Nights) -> None:
    nights.run("one", A, B)
    assert nights.run("two", touched(A, content="x"), B) == {"/a.wav": "changed", "/b.wav": "unchanged"}
    assert nights.run("three", touched(A, content="x"), B) == {"/a.wav": "unchanged", "/b.wav": "unchanged"}


def test_a_path_that_takes_the_bytes_of_another_is_a_duplicate(nights: Nights) -> None:
    nights.run("one", A, B)
    assert nights.run("two", A, touched(B, content="/a.wav")) == {"/a.wav": "unchanged", "/b.wav": "duplicate"}


@pytest.mark.parametrize(
    "hint",
    [
        {"bpm": 120.0},
        {"kind": "loop"},
        {"first_downbeat_s": 0.5},
        {"name_bpm": 99.0},
        {"name_number": 101.0},
        {"name_kind": "oneshot"},
        {"key": "Am"},
        {"name_key": "A minor"},
    ],
)
def test_another_hint_is_a_change_that_is_found_without_reading(nights: Nights, hint: dict[str, Any]) -> None:
    nights.run("one", A, B)
    assert unread_paths(nights.ledger.connection, found({**A, **hint})) == []
    assert nights.run("two", {**A, **hint}, B) == {"/a.wav": "changed", "/b.wav": "unchanged"}


def test_the_same_bytes_with_different_hints_are_labelled_apart(nights: Nights) -> None:
    assert nights.run("one", {**A, "bpm": 90.0}, {**COPY_OF_A, "bpm": 180.0}) == {
        "/a.wav": "new",
        "/copy.wav": "new",
    }


def test_another_model_makes_every_label_stale_and_the_first_ones_stay(nights: Nights) -> None:
    nights.run("one", A, COPY_OF_A)
    nights.ledger.register_model(OTHER)
    assert nights.run("two", A, COPY_OF_A, model_id=OTHER.model_id) == {
        "/a.wav": "stale_model",
        "/copy.wav": "duplicate",
    }
    assert set(nights.run("three", A, COPY_OF_A, model_id=OTHER.model_id).values()) == {"unchanged"}
    assert set(nights.run("four", A, COPY_OF_A).values()) == {"unchanged"}


def test_a_new_version_of_labelling_changes_everything(nights: Nights) -> None:
    nights.run("one", A)
    assert nights.run("two", A, version=2) == {"/a.wav": "changed"}


def test_what_is_in_quarantine_and_has_not_changed_is_known_bad(nights: Nights) -> None:
    nights.run("one", A, B, bad=["/a.wav"])
    assert nights.run("two", A, B) == {"/a.wav": "known_bad", "/b.wav": "unchanged"}
    assert list(nights.labels.tasks("two")) == []


def test_a_bad_file_that_was_replaced_is_tried_again(nights: Nights) -> None:
    nights.run("one", A, bad=["/a.wav"])
    assert nights.run("two", touched(A, content="whole")) == {"/a.wav": "changed"}


@pytest.mark.parametrize("path", ["/copy.wav", "/0.wav"], ids=["behind", "before"])
def test_a_copy_of_a_bad_file_is_tried_by_itself_and_accounted_for(nights: Nights, path: str) -> None:
    nights.run("one", A, bad=["/a.wav"])
    assert nights.run("two", A, {**COPY_OF_A, "path": path}, bad=[path]) == {"/a.wav": "known_bad", path: "new"}
    assert nights.labels.count("two", nights.model_id).reconciles


def test_a_listed_file_that_is_not_there_is_tried_once_and_again_when_it_comes(nights: Nights) -> None:
    gone = {**A, "size": None, "mtime_ns": None}
    assert nights.run("one", gone, bad=["/a.wav"]) == {"/a.wav": "new"}
    assert nights.run("two", gone) == {"/a.wav": "known_bad"}
    assert nights.run("three", A) == {"/a.wav": "changed"}


def test_what_a_killed_run_did_not_label_is_taken_up_by_the_next(nights: Nights) -> None:
    nights.survey("killed", A, COPY_OF_A)
    assert nights.survey("next", A, COPY_OF_A) == {"/a.wav": "new", "/copy.wav": "duplicate"}
    assert [task.path for task in nights.labels.tasks("next")] == ["/a.wav"]


def test_only_new_files_and_those_of_another_size_or_time_are_read(nights: Nights) -> None:
    nights.run("one", A, B)
    looked_at = found(A, touched(B), {"path": "/c.wav"}, {"path": "/gone.wav", "size": None, "mtime_ns": None})
    assert unread_paths(nights.ledger.connection, looked_at) == ["/b.wav", "/c.wav"]
    assert unread_paths(nights.ledger.connection, found({**A, "size": 5}, B)) == ["/a.wav"]


def test_comparing_counts_every_finding_and_leaves_nothing_behind(nights: Nights) -> None:
    nights.run("one", A, B, bad=["/b.wav"])
    connection = nights.ledger.connection
    looked_at = found(A, B, {"path": "/c.wav"}, {"path": "/d.wav"})
    hashes = {"/c.wav": "c", "/d.wav": "c"}
    for _ in range(2):
        with compared_findings(connection, DiskState(looked_at, hashes), nights.model_id, 1):
            assert count_findings(connection) == {
                **dict.fromkeys(FINDINGS, 0), "new": 1, "duplicate": 1, "unchanged": 1, "known_bad": 1,
            }  # fmt: skip
    assert nights.ask("SELECT count(*) FROM ledger.file") == [(2,)]
    assert nights.ask("SELECT table_name FROM duckdb_tables() WHERE table_name = 'finding'") == []


def test_nothing_found_is_no_trouble(nights: Nights) -> None:
    assert nights.run("one") == {}
    assert nights.labels.findings("one") == {}
    assert nights.labels.count("one", nights.model_id).reconciles


def test_a_moved_file_keeps_its_track_id_and_is_not_labelled_again(nights: Nights) -> None:
    nights.run("one", A, B)
    before = nights.ask("SELECT track_id FROM tracks WHERE path = '/a.wav'")
    assert nights.run("two", COPY_OF_A, B, gone=["/a.wav"]) == {"/copy.wav": "moved", "/b.wav": "unchanged"}
    assert nights.ask("SELECT track_id FROM tracks WHERE path = '/copy.wav'") == before
    assert nights.ask("SELECT count(*) FROM tracks") == [(2,)]
    counts = nights.labels.count("two", nights.model_id)
    assert (counts.duplicate, counts.unchanged, counts.reconciles) == (1, 1, True)
    assert nights.run("three", COPY_OF_A, B) == {"/copy.wav": "unchanged", "/b.wav": "unchanged"}


def test_a_bad_file_that_was_moved_is_still_known_to_be_bad(nights: Nights) -> None:
    nights.run("one", A, bad=["/a.wav"])
    assert nights.run("two", COPY_OF_A, gone=["/a.wav"]) == {"/copy.wav": "known_bad"}
    assert nights.ask("SELECT path FROM errors") == [("/copy.wav",)]


def test_of_two_copies_one_takes_the_place_of_the_path_that_is_gone(nights: Nights) -> None:
    nights.run("one", A)
    second = {**COPY_OF_A, "path": "/copy2.wav"}
    assert nights.run("two", COPY_OF_A, second, gone=["/a.wav"]) == {"/copy.wav": "moved", "/copy2.wav": "duplicate"}


def test_only_files_of_a_size_that_is_there_twice_may_be_copies(nights: Nights) -> None:
    nights.run("one", A)
    looked_at = found({"path": "/b.wav"}, {"path": "/c.wav", "size": 7}, {"path": "/d.wav", "size": 8},
                      {"path": "/e.wav", "size": 8})  # fmt: skip
    assert ambiguous_paths(nights.ledger.connection, looked_at) == ["/b.wav", "/d.wav", "/e.wav"]


def test_what_somebody_wants_tried_again_is_tried_once(nights: Nights) -> None:
    nights.run("one", A, B, C, bad=["/a.wav", "/b.wav"])
    nights.ledger.connection.execute(
        "UPDATE ledger.quarantine SET reason = 'timeout', retryable = true WHERE path = '/a.wav'"
    )
    assert nights.labels.ask_again(None).column("path").to_pylist() == ["/a.wav"]
    assert nights.labels.ask_again(Reason.TRUNCATED).column("path").to_pylist() == ["/a.wav", "/b.wav"]
    assert nights.run("two", A, B, bad=["/b.wav"]) == {"/a.wav": "retry", "/b.wav": "retry"}
    assert nights.ask("SELECT path, attempts FROM errors") == [("/b.wav", 2)]
    assert nights.run("three", A, B) == {"/a.wav": "unchanged", "/b.wav": "known_bad"}


def test_labels_of_the_same_bytes_stay_in_sight_until_there_are_new_ones(nights: Nights) -> None:
    nights.run("one", A, B)
    nights.survey("two", A, touched(B, content="other bytes"), version=2)
    assert nights.ask("SELECT path, status FROM tracks ORDER BY path") == [
        ("/a.wav", "labelled"),
        ("/b.wav", "pending"),
    ]


def test_going_back_to_a_model_shows_what_it_said_even_if_it_was_under_older_code(nights: Nights) -> None:
    nights.run("one", A)
    nights.ledger.register_model(OTHER)
    nights.run("two", A, model_id=OTHER.model_id, version=2)
    assert nights.labels.unlabelled_by(OTHER.model_id) == 0
    for model_id in (OTHER.model_id, nights.model_id):
        nights.ledger.activate_model(model_id)
        assert nights.ask("SELECT DISTINCT model_id FROM roles") == [(model_id,)]
