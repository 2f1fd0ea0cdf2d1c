"""The double of Freesound answers as Freesound's documentation says: what the client meets here, it meets there."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.doubles.freesound import KEY, FreesoundDouble, freesound, sound, wav
from tests.doubles.freesound_login import CLIENT_ID, CODE_S, TOKEN_S


class Clock:
    now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def double(clock: Clock) -> Iterator[FreesoundDouble]:
    with freesound([sound(number, duration=float(number)) for number in range(1, 41)], clock) as running:
        yield running


@pytest.fixture
def ask(double: FreesoundDouble) -> Callable[..., tuple[int, Any]]:
    def once(route: str, authorisation: str = f"Token {KEY}", **params: str) -> tuple[int, Any]:
        answer = requests.get(f"{double.url}/{route}", params=params, headers={"Authorization": authorisation})
        json = answer.headers.get("Content-Type") != "application/octet-stream"
        assert "Retry-After" not in answer.headers
        return answer.status_code, answer.json() if json else answer.content

    return once


Ask = Callable[..., tuple[int, Any]]


def test_a_search_has_pages_of_fifteen_links_without_the_token_and_the_fields_that_were_asked_for(
    double: FreesoundDouble, ask: Ask
) -> None:
    status, first = ask("search/text/", "", query="loop", token=KEY)
    assert (status, list(first)) == (200, ["count", "previous", "next", "results"])
    assert (first["count"], first["previous"], len(first["results"])) == (40, None, 15)
    assert first["next"] == f"{double.url}/search/?&query=loop&weights=&page=2"
    assert list(first["results"][0]) == ["id", "name", "tags", "username", "license"]
    _, last = ask("search/", query="loop", filter="duration:[1 TO *]", page="2", page_size="30", fields="id,odd")
    assert (last["next"], len(last["results"]), list(last["results"][0])) == (None, 10, ["id"])
    assert "&filter=duration:[1%20TO%20*]&weights=&page=1&page_size=30&fields=id,odd" in last["previous"]
    assert ask("search/", fields="sim_odd")[1]["results"] == [None] * 15
    assert [one["id"] for one in ask("search/", sort="duration_desc", page_size="2")[1]["results"]] == [40, 39]


@pytest.mark.parametrize(
    ("params", "status", "detail"),
    [
        ({"page": "0"}, 404, "Not found"), ({"page": "9"}, 404, "Not found"), ({"page_size": "0"}, 404, "Not found"),
        ({"page": "odd", "page_size": "999"}, 200, None), ({"query": "nothing of it", "page": "7"}, 200, None),
        ({"filter": " "}, 400, "Invalid filter."), ({"filter": "odd:1"}, 400, "Search server error: undefined field"),
    ],
)  # fmt: skip
def test_pages_and_filters_that_are_not_there_are_answered_as_the_server_does(
    ask: Ask, params: dict[str, str], status: int, detail: str | None
) -> None:
    code, document = ask("search/", **params)
    assert code == status
    assert (detail or "") in document.get("detail", "")


def test_filters_choose_by_range_tag_and_name_of_the_licence(double: FreesoundDouble, ask: Ask) -> None:
    double.sounds[0] = sound(1, license="https://creativecommons.org/publicdomain/zero/1.0/", tags=["pad"])
    assert ask("search/", filter='license:"Creative Commons 0"')[1]["count"] == 1
    assert ask("search/", filter='tag:loop bpm:[118 TO 122] license:("Attribution" OR "Sampling+")')[1]["count"] == 39
    assert ask("search/", query="loop -drums")[1]["count"] == 1


def test_a_sound_answers_by_itself_and_its_original_only_to_a_login(double: FreesoundDouble, ask: Ask) -> None:
    assert ask("sounds/7/")[1]["md5"] == double.sounds[6]["md5"]
    assert ask("sounds/7/", fields="id")[1] == {"id": 7}
    assert ask("sounds/999/")[0] == 404
    assert ask("sounds/7/download/")[0] == 401
    for authorisation in ("Token wrong", "Bearer wrong", ""):
        assert ask("search/", authorisation)[0] == 401
    double.suspended = True
    assert ask("search/")[1] == {"detail": "Suspended token or token pending for approval"}


def test_the_minute_and_the_day_slide_and_a_refused_request_is_not_counted(
    double: FreesoundDouble, ask: Ask, clock: Clock
) -> None:
    double.per_minute, double.per_day = 3, 5
    assert [ask("sounds/1/")[0] for _ in range(5)] == [200, 200, 200, 429, 429]
    assert ask("sounds/1/")[1]["detail"].endswith("exceeding a request limit rate (3/minute)")
    clock.now += 60
    assert [ask("sounds/1/")[0] for _ in range(2)] == [200, 200]
    assert ask("sounds/1/")[1]["detail"].endswith("exceeding a request limit rate (5/day)")
    clock.now += 86_400 - 60
    assert ask("sounds/1/")[0] == 200


def test_a_code_is_good_once_and_for_ten_minutes_and_new_tokens_end_the_old(
    double: FreesoundDouble, ask: Ask, clock: Clock
) -> None:
    def code() -> str:
        asked = {"client_id": CLIENT_ID, "response_type": "code"}
        shown = requests.get(f"{double.url}/oauth2/authorize/", params=asked, allow_redirects=False)
        return parse_qs(urlsplit(shown.headers["Location"]).query)["code"][0]

    def grant(**form: str) -> tuple[int, Any]:
        answer = requests.post(
            f"{double.url}/oauth2/access_token/", {"client_id": CLIENT_ID, "client_secret": KEY, **form}
        )
        return answer.status_code, answer.json()

    late = code()
    clock.now += CODE_S
    assert grant(grant_type="authorization_code", code=late) == (400, {"error": "invalid_grant"})
    good = code()
    status, first = grant(grant_type="authorization_code", code=good)
    assert (status, first["expires_in"], first["scope"]) == (200, 86_399, "read write read+write")
    assert grant(grant_type="authorization_code", code=good)[0] == 400
    assert ask("sounds/7/download/", f"Bearer {first['access_token']}") == (200, wav(7))
    _, second = grant(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert ask("sounds/7/download/", f"Bearer {first['access_token']}")[0] == 401
    assert grant(grant_type="refresh_token", refresh_token=first["refresh_token"])[0] == 400
    clock.now += TOKEN_S
    assert ask("sounds/7/download/", f"Bearer {second['access_token']}")[0] == 401
    assert grant(grant_type="odd") == (400, {"error": "unsupported_grant_type"})
    assert grant() == (400, {"error": "invalid_request"})
    assert grant(client_secret="wrong") == (401, {"error": "invalid_client"})
