import json
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from storage.accounts.quota import DAY_S, DayQuotaError
from storage.loops.search_pages import SearchPages
from storage.loops.table import Loop
from storage.vocabulary import BpmSource, Reason
from tasks.http import client
from tasks.http.client import GoneError, RequestError, RetryPolicy, TransientError
from tasks.sources.freesound import (
    Freesound,
    describe_original,
    describe_preview,
    fetch_preview,
    list_sounds,
    sounds_on,
)
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, limited, ogg, sound


@dataclass
class Asking:
    """A client that waits for nothing, and what it would have waited."""

    double: FreesoundDouble
    key: str = KEY
    waits: list[float] = field(default_factory=list)
    granted: list[int] = field(default_factory=list)

    @property
    def client(self) -> Freesound:
        retries = RetryPolicy(attempts=4, sleep=self.waits.append, luck=lambda: 1.0)
        grant = lambda: self.granted.append(1)  # noqa: E731
        return Freesound(self.double.url, self.key, requests.Session(), grant, retries, lambda: 1000.0)


def listed(asking: Asking, folder: Path, limit: int | None = None) -> list[int]:
    listing = SearchPages(folder)
    list_sounds(asking.client, listing, "drums", "tag:loop", limit)
    return [one["id"] for one in sounds_on(listing.pages())]


def described(**changes: Any) -> Any:
    return describe_preview({**sound(5), "previews": {"preview-hq-ogg": "http://x/5.ogg"}, **changes}, Path("/audio"))


def test_five_hundred_sounds_over_four_pages_with_nulls_and_repeats_come_once_each(tmp_path: Path) -> None:
    with freesound([sound(number) for number in range(500)]) as double:
        double.nulls, double.drift = {3, 200, 499}, 5
        asking = Asking(double)
        assert listed(asking, tmp_path) == [number for number in range(500) if number not in double.nulls]
        assert len(asking.granted) == len(double.searches) == 4
        assert [asked["page"] for asked in double.searches] == ["1", "2", "3", "4"]
        assert {(asked["query"], asked["filter"], asked["sort"]) for asked in double.searches} == {
            ("drums", "tag:loop", "created_asc")
        }
        assert "gen_ai_preference" in double.searches[0]["fields"]


def test_a_search_that_was_stopped_goes_on_with_the_next_page_and_a_finished_one_asks_nothing(tmp_path: Path) -> None:
    with freesound([sound(number) for number in range(400)]) as double:
        asking = Asking(double)
        assert len(listed(asking, tmp_path, limit=150)) == 150
        assert len(listed(asking, tmp_path)) == 400
        assert len(listed(asking, tmp_path)) == 400
        assert [asked["page"] for asked in double.searches] == ["1", "2", "3"]


def test_an_index_that_shrinks_under_the_search_ends_it(tmp_path: Path) -> None:
    with freesound([sound(number) for number in range(200)]) as double:
        assert len(listed(Asking(double), tmp_path, limit=1)) == 150
        double.sounds = double.sounds[:150]
        assert len(listed(Asking(double), tmp_path)) == 150


def test_nothing_found_is_an_empty_listing(tmp_path: Path) -> None:
    with freesound([]) as double:
        assert listed(Asking(double), tmp_path) == []


def test_a_busy_server_is_asked_again_each_time_within_the_quota(tmp_path: Path) -> None:
    with freesound([sound(1)]) as double:
        double.failures = [(500, "Search is overloaded, please try again later."), limited("60/minute"), (503, "x")]
        asking = Asking(double)
        assert listed(asking, tmp_path) == [1]
        assert asking.waits == [0.5, 60.0, 2.0]
        assert len(asking.granted) == 4


def test_the_end_of_the_day_is_not_an_error_to_repeat(tmp_path: Path) -> None:
    with freesound([sound(1)]) as double:
        double.failures = [limited("2000/day")]
        with pytest.raises(DayQuotaError) as caught:
            listed(Asking(double), tmp_path)
        assert caught.value.until == 1000.0 + DAY_S
        assert len(double.searches) == 1


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (400, "Invalid filter."),
        (429, "Request was throttled because the ApiV2 credential has been suspended"),
        (403, "This resource requires a secure connection (https)"),
    ],
)
def test_what_asking_again_does_not_mend_is_said_once(tmp_path: Path, status: int, detail: str) -> None:
    with freesound([sound(1)]) as double:
        double.failures = [(status, detail)]
        with pytest.raises(RequestError) as caught:
            listed(Asking(double), tmp_path)
        assert not isinstance(caught.value, TransientError)
        assert detail in str(caught.value)
        assert len(double.searches) == 1


def test_the_key_is_in_no_message_and_no_representation(tmp_path: Path) -> None:
    with freesound([sound(1)]) as double:
        asking = Asking(double, key="wr0ng-key")
        with pytest.raises(RequestError, match="Invalid token") as caught:
            listed(asking, tmp_path)
        assert "wr0ng-key" not in repr(asking.client) + "".join(traceback.format_exception(caught.value))
    with freesound([sound(1)]) as double:
        double.failures = [(400, f"no such thing: {KEY}")]
        with pytest.raises(RequestError) as echoed:
            listed(Asking(double), tmp_path)
        assert KEY not in str(echoed.value)


def test_a_sound_keeps_what_was_said_of_it() -> None:
    loop = described()
    assert isinstance(loop, Loop)
    assert (loop.path, loop.licence_class, loop.author, loop.url) == (
        "/audio/5.ogg", "by", "user5", "https://freesound.org/s/5/",
    )  # fmt: skip
    assert (loop.bpm, loop.bpm_source, loop.key, loop.mode, loop.key_source) == (
        120, BpmSource.TAG, "C#", "minor", "estimate",
    )  # fmt: skip
    assert json.loads(loop.extra)["gen_ai_preference"] == "no-additional-preferences"
    assert described(bpm_confidence=0.7).bpm_source is BpmSource.ESTIMATE
    assert described(bpm=None, tonality=None).bpm_source is None
    assert described(tags=None, username=None, bpm="fast", name=7).author is None


def test_a_sound_without_a_known_licence_or_a_preview_is_refused() -> None:
    assert described(license="https://example.org/mine")[:2] == ("freesound:5", Reason.LICENCE)
    assert described(license=None)[1] is Reason.LICENCE
    assert described(previews=None)[1] is Reason.VANISHED


def test_a_preview_comes_whole_or_not_at_all_and_never_sees_the_key(tmp_path: Path) -> None:
    retries = RetryPolicy(attempts=3, sleep=lambda _: None)
    with freesound([]) as double:
        double.cuts, double.gone = [0, 100], {8}
        fetch_preview(double.preview_of(7), tmp_path / "7.ogg", requests.Session(), retries)
        assert (tmp_path / "7.ogg").read_bytes() == ogg(7)
        with pytest.raises(GoneError):
            fetch_preview(double.preview_of(8), tmp_path / "8.ogg", requests.Session(), retries)
        double.cuts = [5] * 3
        with pytest.raises(TransientError):
            fetch_preview(double.preview_of(9), tmp_path / "9.ogg", requests.Session(), retries)
        assert [path.name for path in tmp_path.iterdir()] == ["7.ogg"]
        assert double.keys_at_previews == []


def test_an_original_is_described_by_its_own_type_and_a_type_that_no_decoder_takes_is_refused() -> None:
    loop = describe_original(sound(5), Path("/originals"))
    assert isinstance(loop, Loop)
    assert (loop.path, json.loads(loop.extra)["file"]) == ("/originals/5.wav", "original")
    for kind in ("m4a", "../../etc", None):
        assert describe_original(sound(5, type=kind), Path("/originals"))[1] is Reason.UNSUPPORTED_CODEC  # type: ignore[index]


def test_a_slow_preview_arrives_and_one_that_stalls_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT_S", (1.0, 0.3))
    retries = RetryPolicy(attempts=3, sleep=lambda _: None)
    with freesound([]) as double:
        double.stalls = [(100, 0.1)]
        fetch_preview(double.preview_of(7), tmp_path / "7.ogg", requests.Session(), retries)
        assert double.previews == [7]
        double.stalls = [(100, 0.8)]
        fetch_preview(double.preview_of(8), tmp_path / "8.ogg", requests.Session(), retries)
        assert double.previews == [7, 8, 8]
        assert [(tmp_path / f"{number}.ogg").read_bytes() for number in (7, 8)] == [ogg(7), ogg(8)]
