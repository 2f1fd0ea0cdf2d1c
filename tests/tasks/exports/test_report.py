"""The report is one file that needs no other, and says what the catalogue says."""

import re
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest

from storage.errors import UserError
from storage.published.track_labels import TrackSelection
from storage.published.track_search import find_track
from tasks.exports.report.page import write_report
from tests.tasks.exports.conftest import TRACKS


class Elements(HTMLParser):
    """The names of the elements of a page, its attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


@pytest.fixture(scope="module")
def page(catalogue: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> str:
    target = tmp_path_factory.mktemp("report") / "report.html"
    catalogue.execute(
        "INSERT INTO ledger.quarantine BY NAME SELECT '/music/<b>.mp3' AS path, 'decode' AS stage, "
        "'truncated' AS reason, 'cut off' AS message, 1 AS attempts, false AS retryable, 'r' AS run_id, "
        "now() AS first_seen, now() AS last_seen"
    )
    write_report(catalogue, TrackSelection.where(catalogue, "true"), "made by a test", target)
    return target.read_text("utf-8")


def test_it_needs_no_script_and_no_other_file(page: str) -> None:
    found = Elements(page)
    assert not found.names & {"script", "img", "link", "iframe", "b"}
    assert not found.attributes & {"src", "href", "onclick", "onload"}
    assert "url(" not in page


def test_it_has_totals_shares_histograms_errors_unsure_labels_and_the_model(page: str) -> None:
    text = re.sub(r"\s+", " ", Elements(page).text)
    assert f"{TRACKS + 2:,} files {TRACKS:,} tracks" in text
    assert "bass 1,001 100%" in text, "a person says that one track has none"
    assert "F# minor: 668 files" in text
    assert "truncated 1 /music/<b>.mp3 cut off" in text
    assert "melody 0.50" in text
    assert "parameters 1 " in text
    assert page.count('class="map"') == 24


def test_a_report_on_nothing_says_so(catalogue: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_report(catalogue, TrackSelection.where(catalogue, "false"), "nothing", tmp_path / "report.html")
    text = Elements((tmp_path / "report.html").read_text("utf-8")).text
    assert "no file has labels" in text
    assert "no track has a map" in text


@pytest.mark.parametrize(
    ("word", "number"),
    [("7", 7), ("/music/0004 plain.mp3", 5), ("0004 plain.mp3", 5), ("0004 plain", 5), ("0004 PL", 5)],
)
def test_a_track_is_found_by_number_path_name_or_a_part_of_it(
    catalogue: duckdb.DuckDBPyConnection, word: str, number: int
) -> None:
    assert find_track(catalogue, word) == number


@pytest.mark.parametrize(
    ("word", "said"), [("nobody", "no track nobody"), ("plain", "200 tracks are called so: 5 0004")]
)
def test_a_word_that_means_no_track_or_several_is_refused(
    catalogue: duckdb.DuckDBPyConnection, word: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        find_track(catalogue, word)
