"""What the tests of the page share: the files of its catalogue, what it asks of it, and waiting for the player."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from storage.published.queries import ask
from storage.workspace import Workspace

TRACK, BASS, BREAK, DRONE, TABLA = (
    "dirtylove.ogg",
    "dirtylove_bass_bar001_177bpm.ogg",
    "loop_breakbeat_126bpm.ogg",
    "drone.aiff",
    "loop_tabla.ogg",
)
# However busy the machine is: nothing here says how fast the page is.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Served:
    """A catalogue and the address of its page."""

    workspace: Workspace
    address: str

    @property
    def origin(self) -> str:
        return self.address.partition("/?")[0]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return ask(self.workspace, sql).rows

    def one(self, sql: str) -> Any:
        ((value,),) = self.rows(sql)
        return value

    def number(self, name: str) -> int:
        return int(self.one(f"SELECT track_id FROM tracks WHERE path LIKE '%/{name}'"))


def open_track(opened: Callable[..., Page], served: Served, name: str) -> Page:
    page = opened(f"/track/{served.number(name)}")
    expect(page.locator(".role-line")).to_have_count(6)
    return page


def player(page: Page, asked: str) -> Any:
    return page.evaluate(f"import('/page/shared/player.js').then(({{ player }}) => {asked})")


def wait_until(page: Page, condition: str) -> None:
    """Until an expression is true; Playwright's own waiting would need `eval`, which the page's rules refuse."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        time.sleep(0.02)


def wait_until_player(page: Page, condition: str) -> None:
    wait_until(page, f"import('/page/shared/player.js').then(({{ player }}) => {condition})")
