"""A catalogue over weeks: files move, people correct, models come and go, and what is broken is tried again."""

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from storage.files import write_text_atomically
from storage.models import ModelStore
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.support.commands import Command

pytestmark = pytest.mark.slow

DRONE, BREAK = "loop_drone_g_97.ogg", "loop_breakbeat_126bpm.ogg"


def rows(workspace: Path, sql: str) -> list[tuple[Any, ...]]:
    return ask(Workspace(workspace), sql).rows


def another_model(workspace: Path) -> str:
    """The bundled model under another name, as if it had been trained here."""
    bundled = ModelStore(Workspace(workspace).models).load("default")
    card = replace(bundled.card, model_id="b" * 12, name="another")
    folder = Workspace(workspace).models / card.model_id
    folder.mkdir(parents=True)
    shutil.copyfile(bundled.weights, folder / "model.safetensors")
    write_text_atomically(folder / "card.json", json.dumps(asdict(card)))
    return card.model_id


def test_weeks_of_a_catalogue(rolecall: Command, music: Path, tmp_path: Path) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    folder.mkdir()
    for name in (DRONE, BREAK):
        shutil.copyfile(music / "loops" / name, folder / name)
    (folder / "empty.wav").touch()
    here = ("--workspace", workspace)

    assert rolecall("label", folder, "--workers", 1, *here).code == 3
    first = rows(workspace, "SELECT model_id FROM models WHERE active")
    assert rolecall("verify", *here).code == 0

    # A person corrects one loop by its path and another by a table, and one of them is moved.
    assert rolecall("correct", folder / DRONE, "--role", "bass=yes", "--bpm", 97, *here).code == 0
    (tmp_path / "said.csv").write_text(f"path,vocal\naudio/{BREAK},yes\n")
    assert rolecall("correct", "--from", tmp_path / "said.csv", *here).code == 0
    before = rows(workspace, f"SELECT track_id FROM tracks WHERE path LIKE '%{DRONE}'")
    (folder / "old").mkdir()
    (folder / BREAK).rename(folder / "old" / BREAK)
    plan = rolecall("plan", folder, *here, "--json").json()
    assert (plan["changed"], plan["moved"], plan["known_bad"], plan["to_decode"]) == (1, 1, 1, 1)

    # Another model fills in beside the first, on the person's grid, and becomes active since nothing is missing.
    second = another_model(workspace)
    counts = rolecall("label", folder, "--model", second, "--workers", 1, *here, "--json").json()
    assert (counts["active"], counts["labelled"], counts["decoded"]) == (True, 2, 2)
    said = "SELECT role, source, active FROM roles WHERE source = 'person' ORDER BY path, role"
    assert rows(workspace, said) == [("bass", "person", True), ("vocal", "person", True)]
    assert rows(workspace, "SELECT bpm, bpm_source FROM tracks WHERE bpm_locked") == [(97.0, "person")]
    assert rows(workspace, f"SELECT track_id FROM tracks WHERE path LIKE '%{DRONE}'") == before

    # Going back is one command, and what people said stays.
    assert rolecall("models", "activate", first[0][0], *here).code == 0
    assert rows(workspace, "SELECT DISTINCT model_id FROM roles") == first
    assert rows(workspace, said) == [("bass", "person", True), ("vocal", "person", True)]

    # What is broken stays broken; a threshold of none gives up.
    ended = rolecall("retry", "--reason", "empty", "--max-errors", 0, "--workers", 1, *here)
    assert (ended.code, "gave up" in ended.err) == (1, True), ended.err
    assert rows(workspace, "SELECT reason, attempts FROM errors") == [("empty", 2)]
    assert rolecall("verify", *here).code == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("correct",), "name one track"),
        (("correct", "1", "--role", "bass=maybe"), "=yes or =no"),
        (("correct", "1", "--role", "kazoo=yes"), "write one of bass"),
        (("correct", "1", "--bpm", "120"), "no track 1"),
        (("correct", "1"), "say what is true"),
        (("serve", ".", "--cron", "at night"), "is no schedule"),
        (("train", "small", "--sweep", "paper", "--rate", "0.01"), "--rate is for one training"),
        (("train", "small", "--sweep", "paper", "--folds", "3"), "ask for one of them"),
        (("train", "small", "--stay", "0.5"), "name a model with --start"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(words: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    ended = Command({"ROLECALL_WORKSPACE": str(tmp_path / "workspace"), "HOME": str(tmp_path)})(*words, cwd=tmp_path)
    assert (ended.code, complaint in ended.err, len(ended.err.splitlines())) == (2, True, 1), ended.err


def test_an_answer_from_a_workspace_without_a_catalogue_says_that_there_is_none(tmp_path: Path) -> None:
    ended = Command({"HOME": str(tmp_path)})("errors", "--json", "--workspace", tmp_path / "mistyped")
    assert (ended.code, ended.json()) == (0, [])
    assert "mistyped yet; label first, or name another --workspace" in ended.err


def test_a_table_of_corrections_is_refused_by_line(tmp_path: Path) -> None:
    (tmp_path / "said.csv").write_text("path,bass\na.wav,yes\nb.wav,perhaps\n")
    ended = Command({"ROLECALL_WORKSPACE": str(tmp_path / "workspace")})("correct", "--from", tmp_path / "said.csv")
    assert (ended.code, "line 3" in ended.err) == (2, True), ended.err
