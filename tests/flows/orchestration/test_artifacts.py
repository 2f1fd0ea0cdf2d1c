"""Progress on Prefect's pages: told now and then, and no reason to stop the work."""

from uuid import uuid4

import httpx
import pytest

from flows.orchestration import artifacts
from flows.orchestration.artifacts import ProgressArtifact


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    shares: list[float] = []
    monkeypatch.setattr(artifacts, "create_progress_artifact", lambda _, **__: uuid4())
    monkeypatch.setattr(artifacts, "update_progress_artifact", lambda _, share: shares.append(share))
    return shares


def test_the_end_is_told_at_once_and_what_is_between_now_and_then(
    told: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(artifacts.time, "monotonic", lambda: now)
    shown = ProgressArtifact("fetched", 8, "8 sounds")
    shown.advance(2)
    assert told == []
    now = 111.0
    shown.advance(2)
    shown.advance(2)
    assert told == [50.0]
    shown.advance(2)
    assert told == [50.0, 100.0]


@pytest.mark.parametrize("silent", ["create_progress_artifact", "update_progress_artifact"])
def test_a_server_that_does_not_answer_stops_no_work(
    told: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], silent: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(artifacts, silent, refuse)
    shown = ProgressArtifact("fetched", 1, "1 sound")
    shown.advance(1)
    shown.advance(1)
    assert capsys.readouterr().err == "Prefect does not show the progress: ConnectError; the work goes on\n"
    assert told == []
