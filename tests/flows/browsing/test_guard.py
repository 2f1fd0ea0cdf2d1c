import pytest
from fastapi.testclient import TestClient

from tests.flows.browsing.conftest import ORIGIN, TOKEN

VIEWS = ["/", "/track/1", "/review", "/health", "/page/main.js", "/api/tracks", "/audio/1", "/spectrogram/1"]


@pytest.mark.parametrize("path", VIEWS)
def test_nothing_is_answered_without_the_token(stranger: TestClient, path: str) -> None:
    for token in (None, "another", ""):
        answer = stranger.get(path, params={"token": token} if token is not None else {})
        assert (answer.status_code, "printed" in answer.text) == (403, True)


def test_the_token_becomes_a_cookie_that_neither_scripts_nor_other_sites_can_use(stranger: TestClient) -> None:
    answer = stranger.get("/", params={"bass": "on", "token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/?bass=on")
    cookie = answer.headers["set-cookie"].lower()
    assert f"={TOKEN}" in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert stranger.get("/").status_code == 200


@pytest.mark.parametrize("host", ["example.org", "example.org:9000", "127.0.0.1", "127.0.0.1:9001", ""])
def test_another_name_of_this_server_is_refused_even_with_the_token(page: TestClient, host: str) -> None:
    for path in ("/", f"/?token={TOKEN}", "/api/tracks"):
        answer = page.get(path, headers={"host": host})
        assert (answer.status_code, "its own name" in answer.text) == (403, True)


@pytest.mark.parametrize(
    "origin", ["http://example.org", "null", "http://127.0.0.1:9001", "https://127.0.0.1:9000", ""]
)
def test_another_origin_is_refused(page: TestClient, origin: str) -> None:
    assert page.get("/api/tracks", headers={"origin": origin}).status_code == 403
    assert page.post("/api/tracks/1/words", json={"bass": True}, headers={"origin": origin}).status_code == 403


def test_a_change_without_an_origin_and_a_picture_asked_from_another_site_are_refused(page: TestClient) -> None:
    del page.headers["origin"]
    assert page.post("/api/undo").status_code == 403
    for site in ("cross-site", "same-site"):
        assert page.get("/spectrogram/1", headers={"sec-fetch-site": site}).status_code == 403
    assert page.get("/api/tracks", headers={"sec-fetch-site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("path", VIEWS)
def test_every_answer_forbids_scripts_frames_and_sources_of_others(page: TestClient, path: str) -> None:
    headers = page.get(path).headers
    rules = headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "script-src 'self'" in rules
    assert "frame-ancestors 'none'" in rules
    assert "unsafe" not in rules
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")
    assert "access-control-allow-origin" not in headers


def test_the_page_has_no_script_and_no_style_inside_its_markup(page: TestClient) -> None:
    text = page.get("/").text
    assert "<style" not in text
    assert " style=" not in text
    assert "onclick" not in text
    assert text.count("<script") == text.count('<script type="module" src="/page/')


def test_localhost_is_this_machine_too(page: TestClient) -> None:
    headers = {"host": "localhost:9000", "origin": "http://localhost:9000"}
    assert page.get("/api/tracks", headers=headers).status_code == 200
    assert page.get("/api/tracks", headers={**headers, "origin": ORIGIN}).status_code == 403
