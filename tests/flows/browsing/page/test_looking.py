"""Finding, seeing and hearing on the page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.flows.browsing.page.shown import (
    BASS,
    DRONE,
    TRACK,
    Served,
    open_track,
    player,
    wait_until,
    wait_until_player,
)

pytestmark = pytest.mark.slow

NAMELESS = """
[...document.querySelectorAll('button, input:not([type=hidden]), select, a, canvas')]
    .filter((element) => element.checkVisibility() && !element.labels?.length)
    .filter((element) => !element.textContent.trim() && !element.getAttribute('aria-label'))
    .map((element) => element.outerHTML)
"""


def names(page: Page) -> list[str]:
    return page.locator("tbody td.name a").all_inner_texts()


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


def test_bars_whose_tempo_drifts_are_shown_where_they_begin(opened: Callable[..., Page]) -> None:
    asked = """async (track) => {
        const { barAt, barStart } = await import("/page/shared/words.js");
        return { bars: [0.5, 1, 3.01, 3.02, 5.5].map((at) => barAt(track, at)),
                 starts: [1, 2, 3, 4, 5].map((bar) => barStart(track, bar)) };
    }"""
    lines = [(0, 0, 1), (1, 1, 3.02), (2, 3.02, 5), (3, 5, 6.9)]
    bars = [{"bar": bar, "start_s": start_s, "end_s": end_s} for bar, start_s, end_s in lines]
    track = {"bpm": 120, "first_downbeat_s": 1, "bars": bars}
    drifting = opened().evaluate(asked, {**track, "bpm_drift": 0.02})
    assert drifting == {"bars": [0, 1, 1, 2, 3], "starts": [1, 3.02, 5, 6.9, 8.9]}
    constant = opened().evaluate(asked, {**track, "bpm_drift": None})
    assert constant == {"bars": [0, 1, 2, 2, 3], "starts": [1, 3, 5, 7, 9]}


def test_what_a_browser_does_not_decode_is_played_as_flac(opened: Callable[..., Page]) -> None:
    page = opened()
    page.get_by_role("button", name=f"Play {DRONE}").click()
    wait_until_player(page, "player.seconds > 0.2")
    assert player(page, "player.audio.currentSrc").endswith("/flac")


def test_a_loop_that_goes_with_a_segment_plays_with_it_at_its_tempo_and_pitch(
    opened: Callable[..., Page], served: Served
) -> None:
    page = open_track(opened, served, TRACK)
    frame = page.locator(".frame")
    box = frame.bounding_box()
    assert box is not None
    # The bass is silent from bar 9 to 12 of 68, so the loop of a bass goes with them.
    frame.click(position={"x": 10 / 68 * box["width"], "y": 250})
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
