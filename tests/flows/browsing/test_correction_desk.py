import time
from collections.abc import Callable, Iterator

import pytest

from flows.browsing.correction_desk import CorrectionDesk
from storage.catalogue.follower import CatalogueFollower
from storage.catalogue.published import ask
from storage.workspace import Workspace

PATIENCE_S = 60


@pytest.fixture
def desk(workspace: Workspace) -> Iterator[CorrectionDesk]:
    follower = CatalogueFollower(workspace)
    opened = CorrectionDesk(workspace, follower)
    opened.open()
    yield opened
    opened.close()
    follower.close()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def sound(workspace: Workspace) -> str:
    return str(ask(workspace, "SELECT audio_hash FROM tracks WHERE track_id = 1").rows[0][0])


def by_people(workspace: Workspace) -> list[tuple[str, bool]]:
    sql = "SELECT role, active FROM roles WHERE source = 'person' AND track_id = 1 ORDER BY role"
    return [(role, active) for role, active in ask(workspace, sql).rows]


def test_a_correction_is_published_and_undone_word_by_word(desk: CorrectionDesk, workspace: Workspace) -> None:
    desk.correct(1, sound(workspace), {"bass": True, "vocal": False})
    wait_until(lambda: desk.waiting() == 0)
    wait_until(lambda: by_people(workspace) == [("bass", True), ("vocal", False)])
    desk.correct(1, sound(workspace), {"bass": False})
    wait_until(lambda: by_people(workspace) == [("bass", False), ("vocal", False)])
    assert (desk.undo(), desk.said(sound(workspace))) == (1, {"bass": True, "vocal": False})
    wait_until(lambda: by_people(workspace) == [("bass", True), ("vocal", False)])
    assert (desk.undo(), desk.undo(), desk.undoable) == (1, None, 0)
    wait_until(lambda: by_people(workspace) == [])


def test_while_somebody_writes_it_waits_is_seen_and_says_for_whom(desk: CorrectionDesk, workspace: Workspace) -> None:
    with workspace.lock("the night's run"):
        desk.correct(1, sound(workspace), {"bass": True})
        desk.correct(1, sound(workspace), {"bass": False})
        wait_until(lambda: desk.hindrance is not None)
        assert "the night's run" in str(desk.hindrance)
        assert desk.waiting() == 2
        assert desk.said(sound(workspace)) == {"bass": False}
        assert by_people(workspace) == []
        desk.undo()
        assert desk.said(sound(workspace)) == {"bass": True}
    wait_until(lambda: desk.waiting() == 0)
    wait_until(lambda: by_people(workspace) == [("bass", True)])
    wait_until(lambda: desk.hindrance is None)


def test_what_still_waits_when_the_page_is_closed_is_entered_when_it_is_opened_again(workspace: Workspace) -> None:
    follower = CatalogueFollower(workspace)
    with workspace.lock("a run"):
        first = CorrectionDesk(workspace, follower)
        first.open()
        first.correct(1, sound(workspace), {"bass": True})
        first.close()
    assert (first.waiting(), by_people(workspace)) == (1, [])
    second = CorrectionDesk(workspace, follower)
    second.open()
    wait_until(lambda: second.waiting() == 0)
    second.close()
    assert by_people(workspace) == [("bass", True)]
    follower.close()
