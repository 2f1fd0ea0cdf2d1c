"""Fetching from Freesound: a double of its API, and secrets that are to be read nowhere."""

import itertools
import json
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from storage.loops.table import read_loops
from storage.published.queries import ask
from storage.workspace import Workspace
from tasks.sources.freesound_login import read_code
from tests.doubles.freesound import KEY, FreesoundDouble, freesound, limited, sound, wav
from tests.doubles.freesound_login import CLIENT_ID
from tests.support.commands import Command, Program

pytestmark = pytest.mark.slow

NONE = {"known_bad": 0, "passed_over": 0, "left_out": 0}
QUERY = ("--query", "drums", "--workers", "1", "--json")


class Clock:
    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def double(clock: Clock) -> Iterator[FreesoundDouble]:
    sounds = [sound(number) for number in range(1, 41)]
    sounds[9] = sound(10, license="http://creativecommons.org/licenses/by-nc/4.0/")
    sounds[19] = sound(20, license="somebody's own")
    with freesound(sounds, clock) as running:
        running.page_size = 15
        yield running


@pytest.fixture
def settings(rolecall: Command, double: FreesoundDouble, tmp_path: Path) -> dict[str, str]:
    """Those of somebody with a home of their own, and no key yet."""
    places = {"HOME": str(tmp_path / "home"), "ROLECALL_WORKSPACE": str(tmp_path / "work")}
    return {**rolecall.settings, **places, "ROLECALL_FREESOUND_URL": double.url}


@pytest.fixture
def person(settings: dict[str, str]) -> Program:
    """Somebody whose every word is logged to Prefect's server."""
    return Program({**settings, "PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_LOGGING_TO_API_ENABLED": "true"})


@pytest.fixture
def searched(tmp_path: Path, prefect_home: Path, session_folder: Path) -> Callable[[], list[Path]]:
    """Lists the files in which a secret might lie: those of the test, of Prefect's server and of the workers."""
    return lambda: files_below(tmp_path, prefect_home, session_folder / "dask-cluster")


@pytest.fixture
def keyed(settings: dict[str, str]) -> Command:
    return Command({**settings, "FREESOUND_API_KEY": KEY})


def loops_of(tmp_path: Path) -> list[dict[str, Any]]:
    return [loop.to_dict() for loop in read_loops(tmp_path / "work" / "loops.parquet")]


def files_below(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def test_a_search_is_brought_once_and_the_key_appears_nowhere(
    person: Program, keyed: Command, double: FreesoundDouble, tmp_path: Path, searched: Callable[[], list[Path]]
) -> None:
    double.nulls, double.drift, double.gone, double.cuts = {4}, 2, {30}, [10]
    first = Program({**person.settings, "FREESOUND_API_KEY": KEY})("fetch", "freesound", *QUERY)
    assert first.code == 3, first.err
    assert first.json() == {"found": 39, "loops": 37, "duplicate": 0, "quarantined": 2} | NONE
    errors = ask(Workspace(tmp_path / "work"), "SELECT path, reason FROM errors ORDER BY path").rows
    assert errors == [("freesound:20", "licence"), ("freesound:30", "vanished")]
    assert sorted(set(double.previews)) == [number for number in range(1, 41) if number not in (5, 20)]
    assert len(double.previews) == 38 + 1
    loops = loops_of(tmp_path)
    double.previews.clear()
    again = keyed("fetch", "freesound", *QUERY)
    # What is known to be bad for the same reason is no news.
    assert again.code == 0, again.err
    assert again.json() == {"found": 39, "loops": 37, "duplicate": 0, "quarantined": 0} | NONE | {"known_bad": 2}
    assert double.previews == [30]
    assert loops_of(tmp_path) == loops
    assert double.keys_at_previews == []
    files = searched()
    assert len(files) > 40
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert KEY not in first.out + first.err


def test_originals_come_with_a_login_kept_in_prefect_and_no_secret_appears_anywhere(
    person: Program,
    settings: dict[str, str],
    double: FreesoundDouble,
    clock: Clock,
    tmp_path: Path,
    searched: Callable[[], list[Path]],
    prefect_server: str,
) -> None:
    double.sounds = double.sounds[:12]
    keep_in_prefect({"freesound-api-key": KEY, "freesound-client-id": CLIENT_ID})
    said = [person("fetch", "freesound", *QUERY, "--limit", "3")]
    assert said[-1].json()["loops"] == 3, said[-1].err
    assert len(double.previews) == 3

    page = f"{double.url}/oauth2/authorize/?client_id={CLIENT_ID}&response_type=code"
    code = read_code(f"https://x/{requests.get(page, allow_redirects=False).headers['Location']}")
    said.append(Command(settings)("fetch", "freesound-login", "--in-prefect", typed=code + "\n"))
    assert (said[-1].code, page in said[-1].err) == (0, True), said[-1].err

    # The day ends in the middle of it; on the next one the token has ended too, and renews itself.
    double.per_day = len(double.counted) + 7
    said.append(person("fetch", "freesound", *QUERY, "--originals"))
    assert (said[-1].code, "the day's requests are used up until" in said[-1].err) == (0, True), said[-1].err
    assert 3 <= len(loops_of(tmp_path)) < 12
    assert double.downloads
    clock.ahead, double.per_day = 90_000.0, 2000
    before = len(double.downloads)
    said.append(person("fetch", "freesound", *QUERY, "--originals"))
    assert said[-1].json() == {"found": 12, "loops": 12, "duplicate": 0, "quarantined": 0} | NONE
    assert double.logins.grants == ["authorization_code", "refresh_token"]
    loops = loops_of(tmp_path)
    assert [loop["extra"]["file"] for loop in loops] == ["original"] * 12
    for loop in loops:
        assert Path(loop["path"]).read_bytes() == wav(loop["extra"]["sound_id"])
    assert files_below(tmp_path / "work" / "sources" / "freesound" / "audio") == []
    before = len(double.downloads)
    said.append(Command(settings)("fetch", "freesound", *QUERY))
    assert (said[-1].json()["loops"], len(double.downloads), len(double.previews)) == (12, before, 3)

    secrets = [KEY, *double.logins.given]
    assert len(secrets) == 1 + 1 + 2 * 2
    files = searched()
    kept = [path for path in files if any(secret.encode() in path.read_bytes() for secret in secrets)]
    records = everything_in(prefect_server)
    assert (kept, len(files) > 15) == ([], True)
    assert [secret for secret in secrets if secret in "".join(one.out + one.err for one in said) + records] == []
    assert "fetch-freesound" in records


def test_the_end_of_the_day_stops_cleanly_and_the_next_run_goes_on(
    keyed: Command, double: FreesoundDouble, tmp_path: Path
) -> None:
    double.failures = [(500, "Server error"), (500, "Server error"), limited("2000/day")]
    double.sounds = double.sounds[:15]
    ended = keyed("fetch", "freesound", *QUERY)
    assert (ended.code, ended.json()["loops"]) == (0, 0)
    assert "the day's requests are used up until" in ended.err
    assert keyed("fetch", "freesound", *QUERY, "--exclude-noncommercial").json() == NONE | {
        "found": 14, "loops": 14, "duplicate": 0, "quarantined": 0, "passed_over": 1,
    }  # fmt: skip


def test_what_cannot_be_asked_is_one_line_and_a_login_is_a_file_for_its_owner_alone(
    keyed: Command, double: FreesoundDouble, tmp_path: Path
) -> None:
    wrong = replace(keyed, settings={**keyed.settings, "FREESOUND_API_KEY": "wr0ng-key"})
    refused = wrong("fetch", "freesound", *QUERY)
    assert (refused.code, "Invalid token" in refused.err) == (2, True)
    assert "wr0ng-key" not in refused.err
    assert double.previews == []
    known = replace(keyed, settings={**keyed.settings, "FREESOUND_CLIENT_ID": CLIENT_ID})
    denied = known("fetch", "freesound-login", typed="0dd-code\n")
    assert (denied.code, "0dd-code" in denied.out + denied.err) == (2, False)
    double.logins.codes["g00d-code"] = double.clock() + 60
    done = known("fetch", "freesound-login", typed="g00d-code\n")
    file = tmp_path / "home" / ".config" / "rolecall" / "logins" / "freesound.json"
    assert (done.code, str(file) in done.out) == (0, True), done.err
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["access"] == double.logins.access


def keep_in_prefect(secrets: dict[str, str]) -> None:
    """Keep secrets in Secret blocks, as a person does in Prefect's own pages."""
    from prefect.blocks.system import Secret

    for name, value in secrets.items():
        Secret(value=value).save(name, overwrite=True)


def everything_in(server: str) -> str:
    """All that Prefect's server tells of runs: their parameters, logs, artifacts and blocks."""
    routes = ("flow_runs", "task_runs", "logs", "artifacts", "flow_run_states", "block_documents")
    return "".join(text for route in routes for text in pages_of(f"{server}/{route}/filter"))


def pages_of(address: str) -> Iterator[str]:
    for offset in itertools.count(0, 200):
        answer = requests.post(address, json={"limit": 200, "offset": offset}, timeout=30)
        if not answer.ok or not answer.json():
            return
        yield answer.text
