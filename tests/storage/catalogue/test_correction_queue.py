import resource
from typing import Any

import pytest

from storage.catalogue.correction_queue import CorrectionQueue
from storage.catalogue.corrections import Change, words_said
from storage.errors import UserError
from tests.support.dummies import Nights

A: dict[str, Any] = {"path": "/a.wav"}
B: dict[str, Any] = {"path": "/b.wav"}


@pytest.fixture
def queue(nights: Nights) -> CorrectionQueue:
    nights.run("one", A, B)
    return CorrectionQueue(nights.workspace)


def sound_of(nights: Nights, path: str) -> str:
    return str(nights.ask(f"SELECT audio_hash FROM tracks WHERE path = '{path}'")[0][0])


def test_what_waits_is_entered_in_its_order_and_waits_no_longer(nights: Nights, queue: CorrectionQueue) -> None:
    a, b = sound_of(nights, "/a.wav"), sound_of(nights, "/b.wav")
    changes = [Change(a, {"bass": True, "bpm": 90.0}), Change(b, {"vocal": False}), Change(a, {"bass": False})]
    for change in changes:
        queue.add(change)
    assert queue.waiting() == changes
    assert queue.enter(nights.ledger) == 3
    assert queue.waiting() == []
    assert words_said(nights.ledger.connection, a) == {"bass": False, "bpm": 90.0}
    assert nights.ask("SELECT path, role, active FROM roles WHERE source = 'person' ORDER BY path") == [
        ("/a.wav", "bass", False),
        ("/b.wav", "vocal", False),
    ]
    assert nights.workspace.corrections.read_text().splitlines()[1:] == ["/a.wav,90.0,,no,,,,,", "/b.wav,,,,,,,,no"]


def test_what_is_entered_is_unpublished_until_the_catalogue_has_it(nights: Nights, queue: CorrectionQueue) -> None:
    first, second = (Change(sound_of(nights, f"/{name}.wav"), {"bass": True}) for name in "ab")
    queue.add(first)
    queue.enter(nights.ledger)
    queue.add(second)
    assert (queue.waiting(), queue.unpublished()) == ([second], [first, second])
    queue.enter(nights.ledger)
    assert (queue.waiting(), queue.unpublished()) == ([], [first, second])
    nights.ledger.publish()
    assert queue.unpublished() == []


def test_words_are_taken_back_one_by_one_and_the_model_decides_again(nights: Nights, queue: CorrectionQueue) -> None:
    a = sound_of(nights, "/a.wav")
    queue.add(Change(a, {"bass": True, "fx": False, "bpm": 90.0, "first_downbeat_s": 0.25}))
    queue.add(Change(a, {"bass": None, "bpm": None}))
    queue.enter(nights.ledger)
    assert words_said(nights.ledger.connection, a) == {"fx": False, "first_downbeat_s": 0.25}
    assert nights.ask("SELECT bpm, bpm_source FROM tracks WHERE path = '/a.wav'") == [(120.0, "filename")]
    queue.add(Change(a, {"fx": None, "first_downbeat_s": None}))
    queue.enter(nights.ledger)
    assert nights.ask("SELECT count(*) FROM ledger.correction") == [(0,)]


def test_entering_twice_what_a_crash_left_changes_nothing(nights: Nights, queue: CorrectionQueue) -> None:
    a = sound_of(nights, "/a.wav")
    queue.add(Change(a, {"bass": True}))
    left = nights.workspace.waiting_corrections.read_bytes()
    queue.enter(nights.ledger)
    once = nights.ask("SELECT * EXCLUDE corrected_at FROM ledger.correction_role")
    nights.workspace.waiting_corrections.write_bytes(left)
    queue.enter(nights.ledger)
    assert nights.ask("SELECT * EXCLUDE corrected_at FROM ledger.correction_role") == once


def test_a_full_disk_refuses_a_change_whole(nights: Nights, queue: CorrectionQueue) -> None:
    a = sound_of(nights, "/a.wav")
    queue.add(Change(a, {"bass": True}))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nights.workspace.waiting_corrections.stat().st_size + 9, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write"):
            queue.add(Change(a, {"bass": False}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    queue.add(Change(a, {"vocal": False}))
    assert [change.words for change in queue.waiting()] == [{"bass": True}, {"vocal": False}]


def test_nothing_waits_in_a_workspace_that_is_not_there(nights: Nights) -> None:
    queue = CorrectionQueue(nights.workspace)
    assert (queue.waiting(), queue.enter(nights.ledger)) == ([], 0)
