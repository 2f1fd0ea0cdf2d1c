"""`rolecall export` over a catalogue of real labels: whole or not at all, and never over something that is there."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from tinytag import TinyTag

from tests.support.commands import Command, Ended


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def labelled(folder: Path, music: Path) -> Command:
    """A workspace with three labelled loops and a file that is none."""
    loops = folder / "music"
    loops.mkdir()
    for name in ("dirtylove_bass_bar001_177bpm.ogg", "loop_industrial.ogg", "loop_perc1_97.ogg"):
        shutil.copyfile(music / "loops" / name, loops / name)
    (loops / "broken.wav").write_bytes(b"no sound")
    command = Command({"ROLECALL_WORKSPACE": str(folder / "workspace")})
    assert command("label", loops).code == 3
    return command


@pytest.mark.slow
@pytest.mark.parametrize("style", ["csv", "jsonl", "parquet", "jams", "rekordbox", "audacity", "m3u8", "tags"])
def test_every_format_is_written_once_and_never_over_something_else(
    labelled: Command, folder: Path, style: str
) -> None:
    target = folder / f"as-{style}"
    ended = labelled("export", "--format", style, target, "--json")
    assert (ended.code, ended.json()["tracks"]) == (0, 3), ended.err
    assert target.exists()
    again = labelled("export", "--format", style, target)
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "is there already; move it away, or name another" in again.err
    assert not list(folder.glob(".*.tmp"))


@pytest.mark.slow
def test_a_condition_chooses_the_tracks_and_a_wrong_one_writes_nothing(labelled: Command, folder: Path) -> None:
    ended = labelled("export", "--format", "csv", folder / "fast.csv", "--where", "bpm > 150")
    assert ended.code == 0, ended.err
    rows = list(csv.DictReader((folder / "fast.csv").open(encoding="utf-8")))
    assert [Path(row["path"]).name for row in rows] == ["dirtylove_bass_bar001_177bpm.ogg"]
    wrong = labelled("export", "--format", "csv", folder / "wrong.csv", "--where", "speed > 150")
    assert (wrong.code, wrong.err.count("\n"), (folder / "wrong.csv").exists()) == (2, 1, False)
    assert "'speed > 150' is no condition over the view tracks" in wrong.err


@pytest.mark.slow
def test_tags_are_shown_first_then_written_behind_a_backup(labelled: Command, folder: Path) -> None:
    loop = folder / "music" / "dirtylove_bass_bar001_177bpm.ogg"
    before = loop.read_bytes()
    words = ("export", "--format", "tags", folder / "backup", "--where", "bpm > 150")
    shown = labelled(*words, "--dry-run")
    assert shown.out == f"{loop}: ROLES=bass BPM=177\n"
    assert (loop.read_bytes() == before, (folder / "backup").exists()) == (True, False)
    assert labelled(*words, "--in-place").code == 0
    assert TinyTag.get(loop).other["roles"] == ["bass"]
    assert (folder / "backup" / loop.name).read_bytes() == before


@pytest.mark.slow
def test_a_file_that_takes_no_tags_is_named_and_the_others_are_written(labelled: Command, folder: Path) -> None:
    (folder / "music" / "loop_perc1_97.ogg").rename(folder / "elsewhere.ogg")
    ended = labelled("export", "--format", "tags", folder / "copies")
    (folder / "elsewhere.ogg").rename(folder / "music" / "loop_perc1_97.ogg")
    assert ended.code == 3
    assert f"left out: {folder / 'music' / 'loop_perc1_97.ogg'}: it cannot be read or written" in ended.err
    assert {path.name for path in (folder / "copies").rglob("*.ogg")} == {
        "dirtylove_bass_bar001_177bpm.ogg",
        "loop_industrial.ogg",
    }


@pytest.mark.parametrize("option", ["--in-place", "--dry-run"])
def test_only_tags_go_into_files(tmp_path: Path, option: str) -> None:
    command = Command({"ROLECALL_WORKSPACE": str(tmp_path)})
    ended: Ended = command("export", "--format", "csv", tmp_path / "out.csv", option)
    assert (ended.code, ended.err.count("\n")) == (2, 1)


@pytest.mark.slow
def test_show_tells_people_what_a_track_is_or_why_it_could_not_be_used(labelled: Command, folder: Path) -> None:
    ended = labelled("show", "bass_bar001")
    path, facts, _, bass, *_ = ended.out.splitlines()
    assert (ended.code, path) == (0, str(folder / "music" / "dirtylove_bass_bar001_177bpm.ogg"))
    assert facts.startswith("loop, 0:05, 177.00 BPM (filename")
    assert re.fullmatch(r"bass +0\.\d\d  on(, unsure)?", bass)
    assert "····" not in ended.out
    broken = labelled("show", "broken")
    assert broken.out.splitlines()[1] == "quarantined: no labels"
    assert broken.out.splitlines()[2].startswith("could not be used (attempts: 1): unreadable, ")
    assert labelled("show", "loop", "--json").code == 2


@pytest.mark.slow
def test_report_writes_one_page_and_replaces_it(labelled: Command, folder: Path) -> None:
    for chosen, files in (("true", "3 files"), ("SELECT path FROM tracks WHERE bpm > 150", "1 file")):
        ended = labelled("report", folder / "report.html", "--tracks", chosen)
        assert (ended.code, ended.err) == (0, f"report on {files}: {folder / 'report.html'}\n")
    assert "unreadable" in (folder / "report.html").read_text("utf-8")
