import time
from collections.abc import Callable, Iterator

import pytest

from flows.browsing.correction_desk import CorrectionDesk
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
def desk(workspace: Workspace, catalogue: CatalogueFollower) -> Iterator[CorrectionDesk]:
    opened = CorrectionDesk(workspace, catalogue)
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
    desk: CorrectionDesk, catalogue: CatalogueFollower, sound: str
) -> None:
    desk.correct(1, sound, {"bass": True, "vocal": False})
    wait_until(lambda: desk.waiting() == 0)
    assert by_people(catalogue) == [("bass", True), ("vocal", False)]
    desk.correct(1, sound, {"bass": False})
    wait_until(lambda: by_people(catalogue) == [("bass", False), ("vocal", False)])
    assert (desk.undo(), desk.said(sound)) == (1, {"bass": True, "vocal": False})
    wait_until(lambda: by_people(catalogue) == [("bass", True), ("vocal", False)])
    assert (desk.undo(), desk.undo(), desk.undoable) == (1, None, 0)
    wait_until(lambda: by_people(catalogue) == [])


def test_a_correction_is_said_from_when_it_is_made_until_it_is_undone_however_far_it_has_come(
    desk: CorrectionDesk, sound: str
) -> None:
    for word in (True, False) * 2:
        desk.correct(1, sound, {"fx": word})
        while desk.waiting():
            assert desk.said(sound) == {"fx": word}
        assert desk.said(sound) == {"fx": word}


def test_what_a_crash_left_entered_but_unpublished_is_published_when_the_page_is_opened(
    catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    queue = CorrectionQueue(workspace)
    queue.add(Change(sound, {"bass": True}))
    with workspace.lock("a run that dies") as locked, Ledger.of(locked) as ledger:
        queue.enter(ledger)
    assert by_people(catalogue) == []
    desk = CorrectionDesk(workspace, catalogue)
    desk.open()
    wait_until(lambda: desk.waiting() == 0)
    desk.close()
    assert by_people(catalogue) == [("bass", True)]


def test_while_somebody_writes_it_waits_is_seen_and_says_for_whom(
    desk: CorrectionDesk, catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    with workspace.lock("the night's run"):
        desk.correct(1, sound, {"bass": True})
        desk.correct(1, sound, {"bass": False})
        wait_until(lambda: desk.hindrance is not None)
        assert "the night's run" in str(desk.hindrance)
        assert desk.waiting() == 2
        assert desk.said(sound) == {"bass": False}
        assert by_people(catalogue) == []
        desk.undo()
        assert desk.said(sound) == {"bass": True}
    wait_until(lambda: desk.waiting() == 0)
    assert by_people(catalogue) == [("bass", True)]
    wait_until(lambda: desk.hindrance is None)


def test_what_still_waits_when_the_page_is_closed_is_entered_when_it_is_opened_again(
    catalogue: CatalogueFollower, sound: str, workspace: Workspace
) -> None:
    with workspace.lock("a run"):
        first = CorrectionDesk(workspace, catalogue)
        first.open()
        first.correct(1, sound, {"bass": True})
        first.close()
    assert (first.waiting(), by_people(catalogue)) == (1, [])
    second = CorrectionDesk(workspace, catalogue)
    second.open()
    wait_until(lambda: second.waiting() == 0)
    second.close()
    assert by_people(catalogue) == [("bass", True)]
