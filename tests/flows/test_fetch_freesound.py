"""Fetching from Freesound: a double of its API, and a key that appears nowhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from storage.catalogue import ask
from storage.workspace import Workspace
from tests.commands import Command, Ended
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, limited, sound

pytestmark = pytest.mark.slow


@pytest.fixture
def double() -> Iterator[FreesoundDouble]:
    sounds = [sound(number) for number in range(1, 41)]
    sounds[9] = sound(10, license="http://creativecommons.org/licenses/by-nc/4.0/")
    sounds[19] = sound(20, license="somebody's own")
    with freesound(sounds) as running:
        running.page_size = 15
        yield running


def fetched(rolecall: Command, double: FreesoundDouble, root: Path, *words: str, key: str = KEY) -> Ended:
    settings = {**rolecall.settings, "ROLECALL_FREESOUND_URL": double.url, "FREESOUND_API_KEY": key}
    command = replace(rolecall, settings=settings)
    return command("fetch", "freesound", "--query", "drums", "--workspace", root, "--workers", "1", "--json", *words)


def loops_of(rolecall: Command, root: Path) -> list[dict[str, Any]]:
    loops: list[dict[str, Any]] = rolecall("loops", "list", "--workspace", root, "--json").json()
    return loops


def test_a_search_is_brought_once_and_the_key_appears_nowhere(
    rolecall: Command, double: FreesoundDouble, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    double.nulls, double.drift, double.gone, double.cuts = {4}, 2, {30}, [10]
    first = fetched(rolecall, double, tmp_path)
    assert first.code == 3, first.err
    assert first.json() == {"found": 39, "loops": 37, "duplicate": 0, "quarantined": 2, "passed_over": 0}
    errors = ask(Workspace(tmp_path), "SELECT path, reason FROM errors ORDER BY path").rows
    assert errors == [("freesound:20", "licence"), ("freesound:30", "vanished")]
    assert sorted(set(double.previews)) == [number for number in range(1, 41) if number not in (5, 20)]
    assert len(double.previews) == 38 + 1
    loops = loops_of(rolecall, tmp_path)
    double.previews.clear()
    assert fetched(rolecall, double, tmp_path).json()["loops"] == 37
    assert double.previews == [30]
    assert loops_of(rolecall, tmp_path) == loops
    assert double.keys_at_previews == []

    written = [
        tmp_path,
        *tmp_path_factory.getbasetemp().glob("prefect*"),
        *tmp_path_factory.getbasetemp().glob("home*"),
    ]
    files = [path for folder in written for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in first.out + first.err


def test_the_end_of_the_day_stops_cleanly_and_the_next_run_goes_on(
    rolecall: Command, double: FreesoundDouble, tmp_path: Path
) -> None:
    double.failures = [(500, "Server error"), (500, "Server error"), limited("2000/day")]
    double.sounds = double.sounds[:15]
    ended = fetched(rolecall, double, tmp_path)
    assert (ended.code, ended.json()["loops"]) == (0, 0)
    assert "the day's requests are used up until" in ended.err
    assert fetched(rolecall, double, tmp_path, "--exclude-noncommercial").json() == {
        "found": 14, "loops": 14, "duplicate": 0, "quarantined": 0, "passed_over": 1,
    }  # fmt: skip


def test_what_cannot_be_asked_is_one_line(rolecall: Command, double: FreesoundDouble, tmp_path: Path) -> None:
    refused = fetched(rolecall, double, tmp_path, key="wr0ng-key")
    assert (refused.code, "Invalid token" in refused.err) == (2, True)
    assert "wr0ng-key" not in refused.err
    keyless = fetched(rolecall, double, tmp_path, key="")
    assert (keyless.code, "set FREESOUND_API_KEY" in keyless.err) == (2, True)
    assert double.previews == []
