"""The page in a real browser, over a catalogue of real audio, served by the real command."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import Browser, Page

from storage.workspace import Workspace
from tests.flows.browsing.page.shown import BASS, BREAK, DRONE, PATIENCE_MS, TABLA, TRACK, Served
from tests.support.browser import chromium
from tests.support.commands import Program


@pytest.fixture(scope="module")
def labelled(alone: Program, music: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A track and four loops with labels, one of them an AIFF, which Chromium does not decode; and a broken file."""
    root = tmp_path_factory.mktemp("browse")
    folder = root / "music"
    folder.mkdir()
    for name in (f"tracks/{TRACK}", f"loops/{BASS}", f"loops/{BREAK}", f"loops/{TABLA}"):
        shutil.copyfile(music / name, folder / Path(name).name)
    samples, rate = soundfile.read(music / "loops" / "loop_drone_g_97.ogg")
    soundfile.write(folder / DRONE, samples, rate)
    (folder / "broken.wav").write_bytes(b"")
    tempi = {TRACK: 177, BASS: 177, BREAK: 126, DRONE: 97, TABLA: 90, "broken.wav": ""}
    rows = [f"music/{name},{bpm}" for name, bpm in tempi.items()]
    (root / "tempi.csv").write_text("\n".join(["path,bpm", *rows]))
    ended = alone("label", "--manifest", root / "tempi.csv", "--workers", 1, "--workspace", root / "workspace")
    assert ended.code == 3, ended.err
    return Workspace(root / "workspace")


@pytest.fixture(scope="module")
def served(labelled: Workspace, alone: Program) -> Iterator[Served]:
    process = alone.start("browse", "--no-open", "--workspace", labelled.root)
    try:
        assert process.stdout is not None
        yield Served(labelled, process.stdout.readline().strip())
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, served: Served) -> Iterator[Callable[..., Page]]:
    """Opens a view of the page; a script that fails, and whatever its rules refuse, fails the test."""
    contexts = []
    wrong: list[str] = []

    def open_view(view: str = "/", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
        page.goto(served.address)
        if view != "/":
            page.goto(served.origin + view)
        return page

    yield open_view
    for context in contexts:
        context.close()
    assert not wrong
