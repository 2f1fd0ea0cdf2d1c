"""Beat grids by Beat This!, as a manifest that labelling takes."""

import csv
import shutil
from pathlib import Path

import pytest

from flows.labelling.beat_manifest import write_grids
from storage.errors import UserError
from storage.vocabulary import BpmSource
from tasks.metadata.manifests import read_manifest
from tasks.rhythm.grid import Grid, Tempo
from tests.support.checkpoints import beat_checkpoint
from tests.support.dummies import tone, write


def test_every_file_has_a_line_and_one_that_cannot_be_used_is_named(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(music / "loops" / "loop_amen_full_140bpm.ogg", tmp_path / "a.ogg")
    (tmp_path / "b.wav").write_bytes(b"")
    write_grids([tmp_path], beat_checkpoint(tmp_path / "random.ckpt"), None)
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "path,bpm,first_downbeat_s",
        f"{tmp_path}/a.ogg,,",
        f"{tmp_path}/b.wav,,",
    ]
    assert printed.err.splitlines() == ["passed over 1: no audio 1", f"rolecall: {tmp_path}/b.wav: 0 bytes"]


def test_what_was_heard_is_a_manifest_for_labelling(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track = shutil.copy(music / "tracks" / "dirtylove.ogg", tmp_path / "a.ogg")
    grid = Grid(Tempo(177.0, BpmSource.ESTIMATE, 0.9), 0.25)
    monkeypatch.setattr("flows.labelling.beat_manifest.beat_this_grid", lambda path, network: grid)
    write_grids([tmp_path / "a.ogg"], beat_checkpoint(tmp_path / "random.ckpt"), tmp_path / "grids.csv")
    (row,) = read_manifest(tmp_path / "grids.csv")
    assert (row.path, row.bpm(), row.first_downbeat_s()) == (Path(track), 177.0, 0.25)
    with (tmp_path / "grids.csv").open(newline="") as file:
        assert next(csv.reader(file)) == ["path", "bpm", "first_downbeat_s"]


def test_a_manifest_that_cannot_be_written_is_refused_before_anything_is_heard(music: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"grids\.csv cannot be written: No such file or directory; name a file"):
        write_grids([music / "loops"], beat_checkpoint(tmp_path / "random.ckpt"), tmp_path / "none" / "grids.csv")


def test_a_tempo_that_somebody_stated_is_left_to_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid(Tempo(64.0, BpmSource.ESTIMATE, 0.9), 0.0)
    monkeypatch.setattr("flows.labelling.beat_manifest.beat_this_grid", lambda path, network: grid)
    for name in ("a.wav", "b_128bpm.wav"):
        write(tmp_path / name, tone(1.0))
    write_grids([tmp_path], beat_checkpoint(tmp_path / "random.ckpt"), tmp_path / "grids.csv")
    assert [row.bpm() for row in read_manifest(tmp_path / "grids.csv")] == [64.0, None]
