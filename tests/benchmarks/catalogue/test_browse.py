"""The page over a large catalogue: first paint, filters, and the memory of its server.

`ROLECALL_BENCH_TRACKS=1000000 pytest -m benchmark -s tests/benchmarks/catalogue/test_browse.py`; with
`ROLECALL_BENCH_WORKSPACE` a workspace that `python -m tests.benchmarks.catalogue.generated_catalogue` made is taken
instead of a new one.
"""

import os
import statistics
from pathlib import Path
from typing import Any

import psutil
import pytest

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.benchmarks.catalogue.generated_catalogue import TRACKS, generate
from tests.support.browser import chromium
from tests.support.commands import Program

pytestmark = pytest.mark.benchmark

FILTERS = (
    "bass=on",
    "bass=on&vocal=off",
    "vocal=unsure",
    "bpm_min=124&bpm_max=128",
    "bpm_min=124&bpm_max=128&bass=on&sort=bpm",
    "key=A+minor&mixing=true",
    "kind=loop",
    "kind=loop&percussion=on&bass=off&sort=percussion&descending=true",
    "text=00012",
    "folder=/music/tracks/0001",
    "bpm_confidence=0.8&sort=bpm_confidence&descending=true",
    "page=100",
)
TIME_OF = """async (path) => {
    const began = performance.now();
    const answer = await fetch(path);
    const { total } = await answer.json();
    return [performance.now() - began, total];
}"""
PATIENCE_MS = 300_000


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    if made := os.environ.get("ROLECALL_BENCH_WORKSPACE"):
        return Workspace(Path(made))
    where = Workspace(tmp_path_factory.mktemp("browse"))
    generate(where)
    return where


def test_the_page_over_a_large_catalogue(
    workspace: Workspace, alone: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    process = alone.start("browse", "--no-open", "--workspace", workspace.root)
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with chromium() as browser, capsys.disabled():
            page = browser.new_page()
            page.set_default_timeout(PATIENCE_MS)
            print(f"\n{TRACKS:,} tracks")
            for visit in ("first", "second"):
                page.goto(address)
                page.wait_for_selector("tbody tr")
                painted, listed = page.evaluate(
                    "[performance.getEntriesByName('first-contentful-paint')[0].startTime, performance.now()]"
                )
                print(f"{visit} visit: painted after {painted / 1e3:.2f} s, list shown after {listed / 1e3:.2f} s")
            took = {query: page.evaluate(TIME_OF, f"/api/tracks?{query}") for query in FILTERS}
            for query, (milliseconds, total) in took.items():
                print(f"{query}: {milliseconds / 1e3:.3f} s, {total:,} files")
            print(f"filters: median {statistics.median(time for time, _ in took.values()) / 1e3:.3f} s")
            for name, path in other_questions(workspace).items():
                print(f"{name}: {page.evaluate(TIME_OF, path)[0] / 1e3:.3f} s")
            memory: Any = psutil.Process(process.pid).memory_info()
            print(f"memory of the server: {memory.rss / 1e6:.0f} MB")
    finally:
        process.terminate()
        process.communicate(timeout=60)


def other_questions(workspace: Workspace) -> dict[str, str]:
    """What the other views ask."""
    ((track,),) = ask(workspace, "SELECT min(track_id) FROM tracks WHERE kind = 'track' AND status = 'labelled'").rows
    ((loop,),) = ask(workspace, "SELECT min(track_id) FROM tracks WHERE kind = 'loop' AND status = 'labelled'").rows
    return {
        "a map": f"/api/tracks/{track}",
        "what goes with a segment": f"/api/tracks/{track}/compatible?segment=1",
        "what goes with a loop": f"/api/tracks/{loop}/compatible",
        "review": "/api/doubtful?of=roles",
        "health": "/api/health",
        "role shares": "/api/role-shares",
        "role shares again": "/api/role-shares",
    }
