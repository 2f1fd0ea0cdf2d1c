"""Labelling a catalogue: what is done stays done, what broke is named, and every file is accounted for."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from storage.catalogue.ledger import Ledger
from storage.models import ModelStore, identify
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.support.commands import Command, Program
from tests.support.dummies import card

pytestmark = pytest.mark.slow


def rows(workspace: Path, sql: str) -> list[tuple[Any, ...]]:
    return ask(Workspace(workspace), sql).rows


def break_files(folder: Path) -> dict[str, str]:
    """Put six broken files into a folder; maps their names to the reasons they deserve."""
    rate = 22_050
    noise = (0.1 * np.random.default_rng(7).standard_normal(3 * rate)).astype(np.float32)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is no sound\n" * 100)
    soundfile.write(folder / "cut.wav", noise, rate)
    whole = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(folder / "short.wav", noise[: rate // 20], rate)
    soundfile.write(folder / "silence.wav", np.zeros(2 * rate, np.float32), rate)
    noise[1000] = np.nan
    soundfile.write(folder / "nan.wav", noise, rate, subtype="FLOAT")
    return {
        "empty.wav": "empty",
        "text.wav": "unreadable",
        "cut.wav": "truncated",
        "short.wav": "too_short",
        "silence.wav": "silent",
        "nan.wav": "nonfinite",
    }


def copy_loops(music: Path, folder: Path, names: Sequence[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(music / "loops" / name, folder / name)


LOOPS = ("loop_breakbeat_126bpm.ogg", "loop_drone_g_97.ogg", "dirtylove_bass_bar001_177bpm.ogg", "loop_industrial.ogg")


def test_broken_files_are_named_the_rest_is_labelled_and_the_next_run_leaves_both_alone(
    rolecall: Command, music: Path, tmp_path: Path
) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    copy_loops(music, folder, LOOPS)
    reasons = break_files(folder)
    (folder / "notes.txt").write_text("passed over")

    first = rolecall("label", folder, "--workspace", workspace, "--json")
    assert first.code == 3, first.err
    counts = first.json()
    assert (counts["found"], counts["labelled"], counts["quarantined"], counts["passed_over"]) == (10, 4, 6, 1)
    assert dict(rows(workspace, "SELECT regexp_extract(path, '[^/]+$'), reason FROM errors")) == reasons
    assert len(rows(workspace, "SELECT DISTINCT path FROM roles")) == 4

    second = rolecall("label", folder, "--workspace", workspace, "--json")
    assert second.code == 0, second.err
    counts = second.json()
    assert (counts["unchanged"], counts["known_bad"], counts["decoded"]) == (4, 6, 0)
    sums = rows(workspace, "SELECT found, labelled + unchanged + duplicate + quarantined + known_bad FROM runs")
    assert all(found == accounted for found, accounted in sums)


def test_the_grid_of_a_manifest_is_the_grid_of_the_segments(rolecall: Command, music: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "list.csv"
    manifest.write_text(
        "path,bpm,first_downbeat_s,kind\n"
        f"{music / 'tracks' / 'jousboxx_buzzer_beater.ogg'},128,,track\n"
        f"{music / 'tracks' / 'loop_arrangement.ogg'},128,3.75,track\n"
        f"{music / 'tracks' / 'dirtylove.ogg'},88.5,,\n"
    )
    workspace = tmp_path / "workspace"
    assert rolecall("label", "--manifest", manifest, "--workspace", workspace).code == 0
    tracks = rows(workspace, "SELECT track_id, duration_s, bpm, first_downbeat_s, bpm_source FROM tracks")
    assert len(tracks) == 3
    for track_id, duration_s, bpm, first_downbeat_s, source in tracks:
        assert source == "manifest"
        cut = rows(workspace, f"SELECT segment, start_s FROM segments WHERE track_id = {track_id} ORDER BY segment")
        assert abs(len(cut) - round(duration_s * bpm / 960)) <= 1
        for segment, start_s in cut:
            expected = 0.0 if segment < 0 else first_downbeat_s + segment * 960 / bpm
            assert start_s == pytest.approx(expected, abs=1e-6)


def test_only_what_changed_is_decoded_again(rolecall: Command, music: Path, tmp_path: Path) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    copy_loops(music, folder, LOOPS)
    assert rolecall("label", folder, "--workspace", workspace).code == 0

    os.utime(folder / LOOPS[0], (1, 1))
    shutil.copyfile(folder / LOOPS[1], folder / "again_loop_97.ogg")
    shutil.copyfile(music / "loops" / "loop_tabla.ogg", folder / LOOPS[2])
    copy_loops(music, folder, ["ambi_dark_woosh.ogg"])
    plan = rolecall("plan", folder, "--workspace", workspace, "--json").json()
    found = {"new": 1, "changed": 1, "duplicate": 1, "unchanged": 3, "moved": 0, "stale_model": 0, "known_bad": 0}
    expected = {**found, "to_decode": 2}
    assert {name: plan[name] for name in expected} == expected
    assert plan["audio_hours"] > 0 < plan["estimated_hours"]

    counts = rolecall("label", folder, "--workspace", workspace, "--json").json()
    assert (counts["labelled"], counts["duplicate"], counts["unchanged"], counts["decoded"]) == (2, 1, 3, 2)
    same = rows(workspace, "SELECT content_hash FROM tracks GROUP BY ALL HAVING count(*) = 2")
    assert len(same) == 1


def test_where_the_package_now_has_another_model_that_one_labels_and_answers(
    rolecall: Command, music: Path, tmp_path: Path
) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    copy_loops(music, folder, LOOPS[:2])
    earlier = identify(card(name="bundled with an earlier version"))
    with Ledger.of(Workspace(workspace)) as ledger:
        ledger.register_model(earlier)
        ledger.activate_model(earlier.model_id)
        ledger.publish()
    assert rolecall("plan", folder, "--workspace", workspace, "--json").json()["new"] == 2
    assert rolecall("label", folder, "--workspace", workspace).code == 0
    bundled = ModelStore(workspace).load("default").card.model_id
    assert rows(workspace, "SELECT model_id FROM models WHERE active") == [(bundled,)]
    assert rows(workspace, "SELECT count(*) FROM tracks WHERE status = 'labelled'") == [(2,)]


def test_a_row_is_the_same_on_one_worker_and_on_a_cluster_of_several(
    rolecall: Command, program: Program, music: Path, tmp_path: Path
) -> None:
    answers = []
    for place, run in (("one", program), ("several", rolecall)):
        workspace = tmp_path / place
        ended = run("label", music / "loops", "--workers", 1, "--workspace", workspace)
        assert ended.code == 0, ended.err
        answers.append(rows(workspace, "SELECT path, role, probability FROM roles ORDER BY ALL"))
    assert [row[:2] for row in answers[0]] == [row[:2] for row in answers[1]]
    np.testing.assert_allclose([row[2] for row in answers[0]], [row[2] for row in answers[1]], atol=1e-4)


def test_a_listed_file_that_is_missing_is_a_row_in_errors(rolecall: Command, music: Path, tmp_path: Path) -> None:
    manifest, workspace = tmp_path / "list.csv", tmp_path / "workspace"
    manifest.write_text(f"path\n{music / 'loops' / LOOPS[0]}\ngone.wav\n")
    assert rolecall("label", "--manifest", manifest, "--workspace", workspace).code == 3
    assert rows(workspace, "SELECT path, reason FROM errors") == [(str(tmp_path / "gone.wav"), "vanished")]


def test_an_empty_folder_is_no_error(rolecall: Command, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    ended = rolecall("label", tmp_path / "nothing", "--workspace", tmp_path / "workspace")
    assert (ended.code, ended.out.startswith("found 0")) == (0, True)


def test_a_track_without_a_beat_has_roles_and_no_map(rolecall: Command, tmp_path: Path) -> None:
    rate = 22_050
    hiss = 0.1 * np.random.default_rng(3).standard_normal(60 * rate)
    soundfile.write(tmp_path / "hiss.wav", hiss, rate)
    workspace = tmp_path / "workspace"
    assert rolecall("label", tmp_path / "hiss.wav", "--workspace", workspace).code == 0
    assert rows(workspace, "SELECT status, kind, bpm FROM tracks") == [("no_tempo", "track", None)]
    assert rows(workspace, "SELECT count(*) FROM iram") == [(0,)]
    assert rows(workspace, "SELECT count(*) FROM roles") == [(6,)]


def test_the_audio_is_never_touched(rolecall: Command, music: Path, tmp_path: Path) -> None:
    folder = tmp_path / "audio"
    copy_loops(music, folder, LOOPS)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}
    folder.chmod(0o555)
    try:
        assert rolecall("label", folder, "--workspace", tmp_path / "workspace").code == 0
        assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} == before
    finally:
        folder.chmod(0o755)


def many_tracks(music: Path, folder: Path, count: int) -> None:
    """Copies of a track that differ in a byte behind their end, so that each is new work."""
    folder.mkdir()
    data = (music / "tracks" / "dirtylove.ogg").read_bytes()
    for number in range(count):
        (folder / f"track{number:02d}_177bpm.ogg").write_bytes(data + bytes([number]))


def wait_for_parts(workspace: Path, count: int) -> None:
    for _ in range(1200):
        if len(list((workspace / "parts").glob("*/*.parquet"))) >= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"no {count} parts in {workspace} after two minutes")


@pytest.mark.drill
def test_a_second_writer_is_told_who_is_writing_and_a_killed_one_leaves_no_lock(
    alone: Program, music: Path, tmp_path: Path
) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    many_tracks(music, folder, 40)
    first = alone.start("label", folder, "--workspace", workspace)
    wait_for_parts(workspace, 1)
    second = alone("label", folder, "--workspace", workspace)
    assert second.code == 5
    assert str(first.pid) in second.err
    assert alone("sql", "SELECT count(*) FROM tracks", "--workspace", workspace).code == 0

    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    ended = alone("label", folder, "--workspace", workspace, "--json")
    assert ended.code == 0, ended.err
    assert rows(workspace, "SELECT count(*), count(DISTINCT path) FROM tracks WHERE status = 'labelled'") == [(40, 40)]
    assert rows(workspace, "SELECT count(*) FROM segments") == [(40 * 17,)]
    assert rows(workspace, "SELECT DISTINCT count(*) FROM segments GROUP BY track_id, segment") == [(1,)]
    assert ended.json()["decoded"] < 40


@pytest.mark.drill
def test_ctrl_c_finishes_what_is_in_flight_and_the_next_run_goes_on(
    alone: Program, music: Path, tmp_path: Path
) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    many_tracks(music, folder, 40)
    words = ("label", folder, "--workers", 2, "--workspace", workspace)
    run = alone.start(*words)
    wait_for_parts(workspace, 1)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=300)
    assert run.returncode == 130, err
    ((state, labelled),) = rows(workspace, "SELECT state, labelled FROM runs")
    assert (state, 0 < labelled < 40) == ("interrupted", True)
    counts = alone(*words, "--json").json()
    assert (counts["unchanged"], counts["decoded"]) == (labelled, 40 - labelled)
