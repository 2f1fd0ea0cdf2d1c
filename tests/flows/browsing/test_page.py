"""The page in a real browser, over a catalogue of real audio, served by the real command."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile
from playwright.sync_api import Browser, Locator, Page, expect

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.browser import chromium
from tests.commands import Program

pytestmark = pytest.mark.slow

TRACK, BASS, BREAK, DRONE, TABLA = (
    "dirtylove.ogg",
    "dirtylove_bass_bar001_177bpm.ogg",
    "loop_breakbeat_126bpm.ogg",
    "drone.aiff",
    "loop_tabla.ogg",
)

NAMELESS = """
[...document.querySelectorAll('button, input:not([type=hidden]), select, a, canvas')]
    .filter((element) => element.checkVisibility() && !element.labels?.length)
    .filter((element) => !element.textContent.trim() && !element.getAttribute('aria-label'))
    .map((element) => element.outerHTML)
"""


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


# However busy the machine is: nothing here says how fast the page is.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


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


def names(page: Page) -> list[str]:
    return page.locator("tbody td.name a").all_inner_texts()


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


def test_the_list_shows_every_file_and_filters_by_role_tempo_and_text_and_the_address_holds_that(
    opened: Callable[..., Page], served: Served
) -> None:
    page = opened()
    expect(page.locator("tbody tr")).to_have_count(6)
    page.get_by_role("button", name="bass: any").click()
    with_bass = [
        name for (name,) in served.rows(
            "SELECT parse_filename(path) FROM roles WHERE role = 'bass' AND active ORDER BY path"
        )
    ]  # fmt: skip
    assert 0 < len(with_bass) < 6
    expect(page.locator("tbody td.name a")).to_have_text(with_bass)
    page.get_by_label("from").fill("170")
    expect(page.locator("tbody td.name a")).to_have_text([TRACK, BASS])
    page.get_by_label("Text in the path").fill("bar001 LOVE")
    expect(page.locator("tbody td.name a")).to_have_text([BASS])
    assert page.url == f"{served.origin}/?text=bar001+LOVE&bass=on&bpm_min=170"
    page.reload()
    expect(page.locator("tbody td.name a")).to_have_text([BASS])
    expect(page.get_by_role("button", name="bass: on")).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("tbody tr")).to_have_count(6)
    assert page.url == f"{served.origin}/"


def test_a_click_on_a_column_sorts_by_it_and_another_the_other_way(opened: Callable[..., Page], served: Served) -> None:
    page = opened()
    for direction, said in (("", "ascending"), (" DESC", "descending")):
        page.get_by_role("button", name="BPM", exact=True).click()
        expect(page.get_by_role("columnheader", name="BPM")).to_have_attribute("aria-sort", said)
        order = f"SELECT parse_filename(path) FROM tracks ORDER BY bpm{direction} NULLS LAST, track_id"
        assert names(page) == [name for (name,) in served.rows(order)]


def test_a_row_opens_its_map_which_plays_with_the_playhead_moving_and_jumps_where_it_is_clicked(
    opened: Callable[..., Page], served: Served
) -> None:
    page = opened()
    page.get_by_role("link", name=TRACK).click()
    expect(page).to_have_url(f"{served.origin}/track/{served.number(TRACK)}")
    canvas = page.locator("canvas.map")
    assert "intro from bar 1" in (canvas.get_attribute("aria-label") or "")
    wait_until(page, "performance.getEntriesByType('resource').some(({ name }) => name.includes('/spectrogram/'))")
    by_segments = canvas.evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="bars").click()
    assert canvas.evaluate("canvas => canvas.toDataURL()") != by_segments

    page.locator("h1").click()
    page.keyboard.press(" ")
    wait_until_player(page, "player.seconds > 0.3")
    first = player(page, "player.seconds")
    wait_until_player(page, f"player.seconds > {first} + 0.3")
    assert page.locator(".playhead").evaluate("element => new DOMMatrix(element.style.transform).m41") > 0
    page.get_by_role("button", name="Pause").first.click()

    page.get_by_role("button", name="segments").click()
    frame = page.locator(".frame")
    width = frame.evaluate("element => element.clientWidth")
    start, end = served.rows(
        f"SELECT start_s, end_s FROM segments JOIN tracks USING (track_id) WHERE path LIKE '%/{TRACK}' AND segment = 5"
    )[0]
    duration = served.one(f"SELECT duration_s FROM tracks WHERE path LIKE '%/{TRACK}'")
    frame.click(position={"x": width * (start + end) / 2 / duration, "y": 250})
    wait_until_player(page, f"player.playing && player.seconds >= {start}")
    assert start <= player(page, "player.seconds") < end
    expect(page.locator(".controls .time")).to_contain_text("bar 2")

    page.keyboard.press("l")
    assert player(page, "player.loop") == {"start_s": start, "end_s": end, "segment": 5}
    player(page, f"player.audio.currentTime = {end} - 0.1")
    wait_until_player(page, f"player.seconds < {end} - 0.5")
    assert player(page, "player.seconds") >= start
    page.keyboard.press("ArrowLeft")
    assert player(page, "player.seconds") < start
    page.keyboard.press("j")
    assert start <= player(page, "player.seconds") < end
    assert player(page, "player.loop") is None


def test_what_a_browser_does_not_decode_is_played_as_flac(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("button", name=f"Play {DRONE}").click()
    wait_until_player(page, "player.seconds > 0.2")
    assert player(page, "player.audio.currentSrc").endswith("/flac")


def test_a_loop_that_goes_with_a_segment_plays_with_it_at_its_tempo_and_pitch(
    opened: Callable[..., Page], served: Served
) -> None:
    page = open_track(opened, served, TRACK)
    page.locator(".frame").click(position={"x": 1, "y": 250})
    page.get_by_role("button", name="Of the segment that plays").click()
    line = page.locator(".loop-line").first
    expect(line).to_be_visible()
    line.get_by_role("button").click()
    audition = "import('/page/views/audition.js').then(({ audition }) => audition.second)"
    wait_until(page, f"{audition}.then((second) => !second.paused && second.currentTime > 0.2)")
    stretch = float(line.locator(".facts").inner_text().split("×")[1].split("·")[0])
    sound = page.evaluate(f"{audition}.then(({{ playbackRate, preservesPitch }}) => [playbackRate, preservesPitch])")
    assert sound == [pytest.approx(stretch), True]
    assert player(page, "player.playing")


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


def test_health_shows_runs_errors_models_and_the_share_of_each_role(
    opened: Callable[..., Page], served: Served
) -> None:
    page = opened("/health")
    expect(page.get_by_role("region", name="Runs").locator("tbody tr")).to_have_count(1)
    expect(page.locator(".card", has_text="Errors by reason")).to_contain_text("empty")
    expect(page.locator(".models")).to_contain_text(served.one("SELECT name FROM models WHERE active"))
    share = served.one("SELECT avg(active::INTEGER) FROM roles WHERE role = 'bass'")
    expect(page.locator(".card", has_text="Share of roles").locator("li", has_text="bass")).to_contain_text(
        f"{share:.0%}".replace("%", " %")
    )


@pytest.mark.parametrize("view", ["/", "/review", "/health", "track"])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_view_fits_its_window_and_every_control_has_a_name(
    opened: Callable[..., Page], served: Served, view: str, width: int, scheme: str
) -> None:
    path = f"/track/{served.number(TRACK)}" if view == "track" else view
    page = opened(path, viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(NAMELESS) == []
