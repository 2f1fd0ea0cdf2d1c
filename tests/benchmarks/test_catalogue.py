"""A large catalogue in the real schema: how big it is, how fast it is asked, planned, committed to and published.

ROLECALL_BENCH_TRACKS tracks of 60 segments, generated; the tree that `plan` walks has that many real files, all empty.
"""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.catalogue.committer import Committer
from storage.catalogue.comparison import DiskState
from storage.catalogue.label_parts import write_part
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.catalogue.published import ask
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.labelling.finding import find_audio
from tasks.labelling.preview import preview
from tasks.labelling.request import label_version
from tests.dummies import labelled

pytestmark = pytest.mark.benchmark

TRACKS = int(os.environ.get("ROLECALL_BENCH_TRACKS", "5000"))
SEGMENTS = 60
A_FOLDER = 1000

QUESTIONS = {
    "the map of one track": "FROM iram WHERE path LIKE '%/{one:07d}.mp3' ORDER BY segment, role",
    "tracks that end on 16 bars of percussion alone": """
        SELECT count(*) FROM (
            SELECT s.track_id FROM segments s
            JOIN (SELECT track_id, max(segment) AS final FROM segments GROUP BY ALL) USING (track_id)
            WHERE s.segment > final - 4 GROUP BY ALL
            HAVING min(percussion) > 0.5 AND max(greatest(bass, fx, melody, chords, vocal)) < 0.5)""",
    "tracks at 124 to 128 with bass and no vocal": """
        SELECT count(*) FROM tracks t
        JOIN roles b ON b.track_id = t.track_id AND b.role = 'bass' AND b.active
        JOIN roles v ON v.track_id = t.track_id AND v.role = 'vocal' AND NOT v.active
        WHERE t.bpm BETWEEN 124 AND 128""",
    "tracks whose vocal sounds most of the time": """
        SELECT count(*) FROM (
            SELECT track_id FROM iram WHERE role = 'vocal' GROUP BY ALL HAVING avg(active::INTEGER) > 0.5)""",
    "every activation of every role": "SELECT role, count(*), avg(activation) FROM iram GROUP BY ALL ORDER BY ALL",
}

LABELS = """
INSERT INTO ledger.label
    (label_id, label_key, model_id, audio_hash, status, kind, duration_s, bpm, bpm_source, bpm_confidence,
     bpm_alternative, first_downbeat_s, probabilities, run_id, labelled_at)
SELECT nextval('ledger.label_number'), label_key, '{model}', sha256(track_id::VARCHAR)[:32], 'labelled', 'track', 320,
       60 + hash(track_id) % 14000 / 100, 'estimate', random(), NULL, hash(track_id + 7) % 50000 / 24000,
       [random(), random(), random(), random(), random(), random()]::FLOAT[6], 'one', now()
FROM ledger.file ORDER BY track_id
"""
SEGMENT_ROWS = """
INSERT INTO ledger.segment
SELECT label_id, s, 4 * s + 1, 4 * s + 4, round(first_downbeat_s + s * 960 / bpm, 6),
       round(first_downbeat_s + (s + 1) * 960 / bpm, 6), {roles}
FROM ledger.label CROSS JOIN (SELECT range::INTEGER AS s FROM range({segments}))
WHERE label_id BETWEEN $low AND $high ORDER BY label_id, s
"""
ROLE = "round(1 / (1 + exp(-4 * sin(label_id * 1.7 + {place} * (2.1 + s // 4)) - 4 * random() + 2)), 5)"


@contextmanager
def timed(what: str) -> Iterator[None]:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {time.perf_counter() - began:.2f} s, {cpu:.2f} s of CPU")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("audio")
    for number in range(TRACKS):
        if number % A_FOLDER == 0:
            (root / f"{number // A_FOLDER:04d}").mkdir()
        (root / f"{number // A_FOLDER:04d}" / f"{number:07d}.mp3").touch()
    return root


def disk_state(tree: Path) -> DiskState:
    found = find_audio([tree]).table
    return DiskState(found, {path: f"{number:064x}" for number, path in enumerate(found.column("path").to_pylist())})


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tree: Path) -> Workspace:
    where = Workspace(tmp_path_factory.mktemp("workspace"))
    model = ModelStore(where.models).load("default").card
    roles = ", ".join(ROLE.format(place=place) for place in range(1, 7))
    with Ledger.of(where) as ledger:
        ledger.register_model(model)
        ledger.activate_model(model.model_id)
        ledger.open_run("one", "label", model.model_id)
        Labels(ledger).register("one", disk_state(tree), model.model_id, label_version(None))
        ledger.connection.execute(LABELS.format(model=model.model_id))
        for low in range(0, TRACKS, 50_000):
            ledger.connection.execute(
                SEGMENT_ROWS.format(roles=roles, segments=SEGMENTS), {"low": low + 1, "high": low + 50_000}
            )
    return where


def test_a_large_catalogue(workspace: Workspace, tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = ModelStore(workspace.models).load("default").card
    with capsys.disabled():
        print(f"\n{TRACKS:,} tracks, {TRACKS * SEGMENTS * 6:,} activations")
        with timed("opening the ledger"), Ledger.of(workspace) as ledger:
            pass
        with Ledger.of(workspace) as ledger:
            with timed("publishing"):
                ledger.publish()
            print(f"catalogue.duckdb: {workspace.catalogue.stat().st_size / 1e6:.1f} MB")
            for name, question in QUESTIONS.items():
                with timed(name):
                    rows = ask(workspace, question.format(one=TRACKS // 2)).rows
                assert rows, name
            with timed("plan over the unchanged tree"):
                plan = preview(workspace, [tree], None)
            assert (plan.findings["unchanged"], plan.to_decode) == (TRACKS, 0), plan
            with timed("entering the unchanged tree into the ledger"):
                Labels(ledger).register("two", disk_state(tree), model.model_id, label_version(None))
            parts = [workspace.parts / "three" / f"{number}.parquet" for number in range(64)]
            for number, part in enumerate(parts):
                write_part(part, [labelled(f"{number}-{place}", model.model_id) for place in range(64)])
            with timed("committing 4,096 outcomes in 64 parts"):
                Committer(workspace, ledger).commit(parts)
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB at most")
