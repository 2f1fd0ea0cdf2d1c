"""Compositions with their truth, as loops of four bars; one that is broken costs one row in `errors`."""

import json
from pathlib import Path

import pytest

from storage.vocabulary import ROLES
from tests.support.commands import Command
from tests.support.dummies import clicks, write

pytestmark = pytest.mark.slow


def make(folder: Path, name: str, segments: int = 2, **info: object) -> Path:
    audio = write(folder / name / "mix.wav", clicks(120, 16.0))
    lines = [",".join(ROLES), *["1,0,0,0,0,-1"] * segments]
    (folder / name / "truth.csv").write_text("\n".join(lines))
    (folder / name / "info.json").write_text(json.dumps({"bpm": 120, **info}))
    return audio


def test_what_cannot_be_used_is_named_and_the_others_are_cut(rolecall: Command, tmp_path: Path) -> None:
    make(tmp_path / "in", "good", licence="CC0")
    make(tmp_path / "in", "broken").write_bytes(b"RIFF")
    make(tmp_path / "in", "longer", segments=9)
    ended = rolecall("fetch", "compositions", tmp_path / "in", "--workspace", tmp_path / "w", "--json")
    assert (ended.code, ended.json()["loops"], ended.json()["quarantined"]) == (3, 2, 2)
    errors = rolecall("errors", "--workspace", tmp_path / "w", "--json").json()
    assert [(Path(row["path"]).parent.name, row["reason"]) for row in errors] == [
        ("broken", "unreadable"),
        ("longer", "malformed"),
    ]
    loops = rolecall("loops", "list", "--workspace", tmp_path / "w", "--json").json()
    assert {(loop["group"], loop["licence"], *loop["roles"]) for loop in loops} == {("good", "CC0", "bass")}


def test_a_wrong_field_is_one_line_before_anything_is_read(rolecall: Command, tmp_path: Path) -> None:
    make(tmp_path / "in", "a", licence=["CC0", "CC-BY"])
    ended = rolecall("fetch", "compositions", tmp_path / "in", "--workspace", tmp_path / "w")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "a/info.json: licence is ['CC0', 'CC-BY']: input should be a valid string" in ended.err
    assert not (tmp_path / "w").exists()
