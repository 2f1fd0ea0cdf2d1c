from io import BytesIO
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient

from storage.workspace import Workspace
from tests.support.dummies import LOOPS

PERC = LOOPS / "loop_perc1_97.ogg"


def number_of(page: TestClient, name: str) -> int:
    (track,) = page.get("/api/tracks", params={"text": name}).json()["tracks"]
    return int(track["track_id"])


@pytest.mark.parametrize(
    "path",
    [
        *("/audio/../../etc/passwd", "/audio/..%2f..%2fetc%2fpasswd", "/audio/%2fetc%2fpasswd"),
        *("/page/../server.py", "/page/..%2fserver.py", "/page/%2e%2e/server.py", "/page//etc/passwd", "/page/"),
        *("/spectrogram/..%2f..%2fetc%2fpasswd", "/audio/-1", "/audio/99999999", "/audio/1.5", "/storage/1"),
        *("/openapi.json", "/docs", "/api/sql"),
    ],
)  # fmt: skip
def test_only_files_of_the_catalogue_and_of_the_page_are_served_whatever_the_path_says(
    page: TestClient, path: str
) -> None:
    answer = page.get(path)
    assert answer.status_code in {404, 405, 422}
    assert "root:" not in answer.text
    assert "uvicorn" not in answer.text


def test_audio_is_served_as_it_is_and_by_ranges(page: TestClient) -> None:
    track, content = number_of(page, PERC.name), PERC.read_bytes()
    whole = page.get(f"/audio/{track}")
    assert (whole.content, whole.headers["accept-ranges"]) == (content, "bytes")
    assert whole.headers["content-type"] == "audio/ogg"
    part = page.get(f"/audio/{track}", headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(content)}"
    end = page.get(f"/audio/{track}", headers={"range": "bytes=-10"})
    assert end.content == content[-10:]
    assert page.get(f"/audio/{track}", headers={"range": f"bytes={len(content)}-"}).status_code == 416


def test_audio_as_flac_is_the_same_sound(page: TestClient) -> None:
    track = number_of(page, PERC.name)
    converted, rate = soundfile.read(BytesIO(page.get(f"/audio/{track}/flac").content))
    original, original_rate = soundfile.read(PERC)
    assert (rate, converted.shape) == (original_rate, original.shape)
    assert np.abs(converted - original.clip(-1, 1)).max() < 1e-4
    assert page.get(f"/audio/{track}/flac", headers={"range": "bytes=0-3"}).content == b"fLaC"


def test_a_file_that_is_gone_is_told(page: TestClient) -> None:
    track = number_of(page, "gone.wav")
    assert page.get(f"/audio/{track}").status_code == 404
    for path in (f"/audio/{track}/flac", f"/spectrogram/{track}"):
        answer = page.get(path)
        assert (answer.status_code, answer.json()["detail"]) == (422, "vanished: no such file")


def test_a_spectrogram_is_a_picture_of_the_whole_file(page: TestClient) -> None:
    answer = page.get(f"/spectrogram/{number_of(page, PERC.name)}")
    assert (answer.headers["content-type"], answer.content[:4]) == ("image/png", b"\x89PNG")


def test_the_outline_of_a_stretch_has_as_many_steps_as_asked(page: TestClient) -> None:
    track = number_of(page, PERC.name)
    peaks = page.get(f"/api/tracks/{track}/waveform", params={"start_s": 0, "seconds": 60, "columns": 100}).json()
    assert len(peaks) == 100
    assert max(peaks) > 0.1
    assert peaks[-1] == 0


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"sort": "path; DROP TABLE x"}, "sort"),
        ({"bass": "maybe"}, "bass"),
        ({"key": "H flat sharp"}, "is no key"),
        ({"bpm_min": "nan' OR 1=1"}, "bpm_min"),
        ({"page": "-1"}, "page"),
        ({"where": "1=1"}, "where"),
    ],
)
def test_what_is_no_filter_is_refused_and_never_becomes_sql(
    page: TestClient, query: dict[str, str], complaint: str
) -> None:
    answer = page.get("/api/tracks", params=query)
    assert answer.status_code == 422
    assert complaint in answer.text


@pytest.mark.parametrize(
    "words", [{}, {"kazoo": True}, {"bass": "yes"}, {"bpm": 5}, {"bpm": "fast"}, {"first_downbeat_s": -1}, [], "bass"]
)
def test_what_is_no_correction_is_refused(page: TestClient, words: Any, workspace: Workspace) -> None:
    answer = page.post(f"/api/tracks/{number_of(page, PERC.name)}/words", json=words)
    assert answer.status_code == 422
    assert not workspace.waiting_corrections.exists()


def test_there_is_nothing_to_undo_at_first(page: TestClient) -> None:
    assert page.post("/api/undo").status_code == 409
    assert page.get("/api/corrections").json() == {"waiting": 0, "hindrance": None, "undoable": 0}
