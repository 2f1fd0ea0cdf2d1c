"""Correcting on the page: the only writes, each of which can be undone."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.flows.browsing.page.shown import BREAK, PATIENCE_MS, Served, open_track

pytestmark = pytest.mark.slow


def role_line(page: Page, role: str) -> Locator:
    return page.locator(".role-line", has=page.get_by_role("button", name=f"{role}: Yes"))


def wait_until_entered(page: Page) -> None:
    expect(page.locator("#notice")).to_have_text("Corrections are in the catalogue.")


def eventually(asked: Callable[[], Any], right: Any) -> None:
    """Until what is asked has the right answer: a correction is entered on a thread of the server."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while (answer := asked()) != right:
        assert time.monotonic() < end, (answer, right)
        time.sleep(0.1)


def source_of(served: Served, name: str, role: str) -> tuple[Any, ...]:
    sql = f"SELECT active, source FROM roles WHERE path LIKE '%/{name}' AND role = '{role}'"
    return served.rows(sql)[0]


def test_a_role_that_is_corrected_is_in_the_catalogue_as_a_persons_word_and_can_be_undone(
    opened: Callable[..., Page], served: Served
) -> None:
    page = open_track(opened, served, BREAK)
    active, source = source_of(served, BREAK, "vocal")
    assert (active, source) == (False, "model")
    role_line(page, "vocal").get_by_role("button", name="Yes").click()
    wait_until_entered(page)
    assert source_of(served, BREAK, "vocal") == (True, "person")
    expect(role_line(page, "vocal").locator(".source")).to_have_text("you say so")
    page.get_by_role("button", name="Undo").click()
    expect(role_line(page, "vocal").locator(".source")).to_contain_text("%")
    eventually(lambda: source_of(served, BREAK, "vocal"), (False, "model"))


def test_a_correction_waits_while_a_run_holds_the_workspace_and_is_entered_after_it(
    opened: Callable[..., Page], served: Served
) -> None:
    page = open_track(opened, served, BREAK)
    with served.workspace.lock("a long run"):
        page.keyboard.press("3")
        expect(page.locator("#notice")).to_contain_text("1 correction waits")
        expect(page.locator("#notice")).to_contain_text("'a long run'")
        expect(role_line(page, "fx").locator(".source")).to_have_text("you say so")
        assert source_of(served, BREAK, "fx")[1] == "model"
        assert served.workspace.waiting_corrections.read_text().count("\n") == 1
        page.reload()
        expect(role_line(page, "fx").locator(".source")).to_have_text("you say so")
    wait_until_entered(page)
    assert source_of(served, BREAK, "fx")[1] == "person"
    page.keyboard.press("u")
    eventually(lambda: source_of(served, BREAK, "fx")[1], "model")


def test_review_begins_with_most_unsure_labels_and_goes_on_when_they_are_confirmed(
    opened: Callable[..., Page], served: Served
) -> None:
    unsure = """SELECT path, list(role ORDER BY role) FROM roles WHERE unsure
        GROUP BY path, track_id ORDER BY count(*) DESC, track_id"""
    (first, roles), *rest = served.rows(unsure)
    page = opened("/review")
    expect(page.locator(".stage h1")).to_have_text(Path(first).name)
    page.get_by_role("button", name="Right as shown").click()
    expect(page.locator(".stage h1")).to_have_text(Path(rest[0][0]).name)
    wait_until_entered(page)
    said = f"SELECT list(role ORDER BY role) FROM roles WHERE source = 'person' AND path = '{first}'"
    assert served.rows(said) == [(roles,)]
    assert first not in [path for path, _ in served.rows(unsure)]
    page.keyboard.press("u")
    eventually(lambda: served.rows("SELECT count(*) FROM roles WHERE source = 'person'"), [(0,)])


def test_tempo_is_tapped_and_the_first_bar_line_dragged(opened: Callable[..., Page], served: Served) -> None:
    page = open_track(opened, served, BREAK)
    page.evaluate("() => { let now = 0; performance.now = () => (now += 500); }")
    for _ in range(6):
        page.keyboard.press("t")
    tempo = page.get_by_label("Tempo in beats per minute")
    expect(tempo).to_have_value("120")
    page.get_by_role("button", name="Keep tempo").click()
    said = "SELECT bpm, bpm_source FROM tracks WHERE bpm_locked"
    eventually(lambda: served.rows(said), [(120.0, "person")])
    expect(page.locator(".tempo .source")).to_have_text("by you")
    before = served.one(f"SELECT first_downbeat_s FROM tracks WHERE path LIKE '%/{BREAK}'")
    outline = page.get_by_role("slider", name="First bar line in seconds")
    box = outline.bounding_box()
    assert box is not None
    outline.scroll_into_view_if_needed()
    outline.hover()
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + 100, steps=6)
    page.mouse.up()
    page.get_by_role("button", name="Keep this bar line").click()
    expect(page.get_by_role("button", name="Keep this bar line")).to_be_hidden()
    moved = f"SELECT first_downbeat_s > {before} FROM tracks WHERE path LIKE '%/{BREAK}'"
    eventually(lambda: served.one(moved), True)
    page.keyboard.press("u")
    page.keyboard.press("u")
    eventually(lambda: served.rows(said), [])
    eventually(lambda: served.one(moved), False)
