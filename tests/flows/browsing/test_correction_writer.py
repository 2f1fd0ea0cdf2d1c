import time
from collections.abc import Callable, Iterator

import pytest

from flows.browsing.correction_writer import CorrectionWriter
from storage.catalogue.correction_queue import CorrectionQueue
from storage.catalogue.corrections import Change
from storage.catalogue.ledger import Ledger
from storage.published.follower import CatalogueFollower
from storage.workspace import Workspace

PATIENCE_S = 60


@pytest.fixture
def catalogue(workspace: Workspace) -> Iterator[CatalogueFollower]:
    follower = CatalogueFollower(workspace)
    yield follower
    follower.close()


@pytest.fixture
def writer(workspace: Workspace, catalogue: CatalogueFollower) -> Iterator[CorrectionWriter]:
    opened = CorrectionWriter(workspace, catalogue)
    opened.open()
    yield opened
    opened.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def sound(catalogue: CatalogueFollower) -> str:
    return str(catalogue.ask("SELECT audio_hash FROM tracks WHERE track_id = 1").rows[0][0])


def by_people(catalogue: CatalogueFollower) -> list[tuple[str, bool]]:
    sql = "SELECT role, active FROM roles WHERE source = 'person' AND track_id = 1 ORDER BY role"
    return [(role, active) for role, active in catalogue.ask(sql).rows]


def test_a_correction_is_published_and_undone_word_by_word(
    writer: CorrectionWriter, catalogue: CatalogueFollower, sound: str
) -> None:
    writer.correct(1, sound, {"bass": True, "vocal": False})
    wait_until(lambda: writer.waiting() == 0)
    assert by_people(catalogue) == [("bass", True), ("vocal", False)]
    writer.correct(1, sound, {"bass": False})
    wait_until(lambda: by_people(catalogue) == [("bass", False), ("vocal", False)])
    assert (writer.undo(), writer.said(sound)) == (1, {"bass": True, "vocal": False})
    wait_until(lambda: by_people(catalogue) == [("bass", True), ("vocal", False)])
    assert (writer.undo(), writer.undo(), writer.undoable) == (1, None, 0)
    wait_until(lambda: by_people(catalogue) == [])


def test_a_correction_is_said_from_when_it_is_made_until_it_is_undone_however_far_it_has_come(
    writer: CorrectionWriter, sound: str
) -> None:
    for word in (True, False) * 2:
        writer.correct(1, sound, {"fx": word})
        while writer.waiting():
            assert writer.said(sound) == {"fx": word}
        assert writer.said(sound) == {"fx": word}


def test_what_a_crash_left_entered_but_unpublished_is_published_when_the_page_is_opened(
    catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    queue = CorrectionQueue(workspace)
    queue.add(Change(sound, {"bass": True}))
    with workspace.lock("a run that dies") as locked, Ledger.of(locked) as ledger:
        queue.enter(ledger)
    assert by_people(catalogue) == []
    writer = CorrectionWriter(workspace, catalogue)
    writer.open()
    wait_until(lambda: writer.waiting() == 0)
    writer.close()
    assert by_people(catalogue) == [("bass", True)]


def test_while_somebody_writes_it_waits_is_seen_and_says_for_whom(
    writer: CorrectionWriter, catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    with workspace.lock("the night's run"):
        writer.correct(1, sound, {"bass": True})
        writer.correct(1, sound, {"bass": False})
        wait_until(lambda: writer.hindrance is not None)
        assert "the night's run" in str(writer.hindrance)
        assert writer.waiting() == 2
        assert writer.said(sound) == {"bass": False}
        assert by_people(catalogue) == []
        writer.undo()
        assert writer.said(sound) == {"bass": True}
    wait_until(lambda: writer.waiting() == 0)
    assert by_people(catalogue) == [("bass", True)]
    wait_until(lambda: writer.hindrance is None)


def test_what_still_waits_when_the_page_is_closed_is_entered_when_it_is_opened_again(
    catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    with workspace.lock("a run"):
        first = CorrectionWriter(workspace, catalogue)
        first.open()
        first.correct(1, sound, {"bass": True})
        first.close()
    assert (first.waiting(), by_people(catalogue)) == (1, [])
    second = CorrectionWriter(workspace, catalogue)
    second.open()
    wait_until(lambda: second.waiting() == 0)
    second.close()
    assert by_people(catalogue) == [("bass", True)]
