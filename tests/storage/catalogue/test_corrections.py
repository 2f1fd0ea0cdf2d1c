import csv
from typing import Any

import pytest

from storage.catalogue.corrections import Correction, Corrections
from storage.catalogue.label_parts import write_part
from storage.errors import UserError
from tests.support.dummies import Nights, card, labelled

A: dict[str, Any] = {"path": "/a.wav"}
B: dict[str, Any] = {"path": "/b.wav"}
COPY_OF_A: dict[str, Any] = {"path": "/copy.wav", "content": "/a.wav"}
OTHER = card(mel={"mels": 1})


@pytest.fixture
def said(nights: Nights) -> Corrections:
    nights.run("one", A, COPY_OF_A, B)
    corrections = Corrections(nights.ledger)
    words = Correction({"bass": True, "vocal": False}, bpm=90.0, first_downbeat_s=0.5)
    corrections.enter([(corrections.audio_hash_of("/a.wav"), words)])
    return corrections


def bass_and_vocal(nights: Nights, path: str) -> list[tuple[Any, ...]]:
    return nights.ask(
        f"SELECT role, probability, active, source FROM roles WHERE path = '{path}' AND role IN ('bass', 'vocal') "
        "ORDER BY role"
    )


def test_a_persons_word_wins_in_every_path_with_the_same_sound(nights: Nights, said: Corrections) -> None:
    for path in ("/a.wav", "/copy.wav"):
        assert bass_and_vocal(nights, path) == [("bass", 1.0, True, "person"), ("vocal", 0.0, False, "person")]
    assert {source for *_, source in bass_and_vocal(nights, "/b.wav")} == {"model"}
    assert nights.ask("SELECT path, bpm, bpm_source, bpm_locked, first_downbeat_s FROM tracks ORDER BY path") == [
        ("/a.wav", 90.0, "person", True, 0.5),
        ("/b.wav", 120.0, "filename", False, 0.0),
        ("/copy.wav", 90.0, "person", True, 0.5),
    ]


def test_a_corrected_grid_is_labelled_again_on_the_persons_grid_and_the_old_map_stays_until_then(
    nights: Nights, said: Corrections
) -> None:
    assert nights.survey("two", A, COPY_OF_A, B) == {
        "/a.wav": "changed", "/copy.wav": "duplicate", "/b.wav": "unchanged",
    }  # fmt: skip
    (task,) = nights.labels.tasks("two")
    assert (task.bpm, task.first_downbeat_s) == (90.0, 0.5)
    assert nights.ask("SELECT count(*) FROM segments") == [(3,)]
    write_part(nights.workspace.parts / "two" / "a.parquet", [labelled(task.label_key, nights.model_id, (0.9,) * 6)])
    nights.committer.commit_left()
    bass = "SELECT round(segments.bass, 1)::VARCHAR FROM segments JOIN tracks USING (track_id) ORDER BY path"
    assert nights.ask(bass) == [
        ("0.9",), ("0.1",), ("0.9",),
    ]  # fmt: skip
    assert set(nights.run("three", A, COPY_OF_A, B).values()) == {"unchanged"}


def test_no_model_overwrites_a_persons_word(nights: Nights, said: Corrections) -> None:
    nights.run("two", A, COPY_OF_A, B)
    nights.ledger.register_model(OTHER)
    nights.run("three", A, COPY_OF_A, B, model_id=OTHER.model_id)
    nights.ledger.activate_model(OTHER.model_id)
    assert bass_and_vocal(nights, "/a.wav") == [("bass", 1.0, True, "person"), ("vocal", 0.0, False, "person")]
    assert nights.ask("SELECT DISTINCT bpm FROM tracks WHERE bpm_locked") == [(90.0,)]


def test_a_role_that_a_person_ruled_out_is_active_in_no_segment(nights: Nights) -> None:
    nights.survey("one", A)
    (task,) = nights.labels.tasks("one")
    write_part(nights.workspace.parts / "one" / "a.parquet", [labelled(task.label_key, nights.model_id, (0.9,) * 6)])
    nights.committer.commit_left()
    corrections = Corrections(nights.ledger)
    corrections.enter([(corrections.audio_hash_of("/a.wav"), Correction({"vocal": False}))])
    assert nights.ask("SELECT role FROM iram WHERE NOT active") == [("vocal",)]


def test_what_is_said_later_adds_to_what_was_said_before_and_can_be_forgotten(
    nights: Nights, said: Corrections
) -> None:
    sound = said.audio_hash_of("1")
    said.enter([(sound, Correction({"vocal": True}, bpm=91.0))])
    assert bass_and_vocal(nights, "/a.wav") == [("bass", 1.0, True, "person"), ("vocal", 1.0, True, "person")]
    assert nights.ask("SELECT bpm, first_downbeat_s FROM tracks WHERE path = '/a.wav'") == [(91.0, 0.5)]
    said.forget(sound)
    assert {source for *_, source in bass_and_vocal(nights, "/a.wav")} == {"model"}


def test_what_was_said_is_kept_as_a_table(nights: Nights, said: Corrections) -> None:
    said.export(nights.workspace)
    with nights.workspace.corrections.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["path"], row["bpm"], row["bass"], row["vocal"], row["fx"]) == ("/a.wav", "90.0", "yes", "no", "")


@pytest.mark.parametrize(
    ("track", "complaint"), [("/nowhere.wav", "no track"), ("99", "no track"), ("/b.wav", "label")]
)
def test_a_track_that_is_unknown_or_has_no_labels_is_refused(nights: Nights, track: str, complaint: str) -> None:
    nights.run("one", A, B, bad=["/b.wav"])
    with pytest.raises(UserError, match=complaint):
        Corrections(nights.ledger).audio_hash_of(track)
