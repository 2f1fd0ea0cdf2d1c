"""A library as it lies on real disks: twins, waste baskets, links, pipes, names of another encoding."""

import os
from pathlib import Path

import pytest

from tests.support.commands import Command, Program
from tests.support.dummies import clicks, write

pytestmark = pytest.mark.slow

SHOWN = r"H\xe9mo_120.wav"


def make_library(folder: Path) -> Path:
    """Three loops: one plain, one behind a link, one with a name in Latin-1; and what is no music."""
    music = folder / "music"
    write(music / "plain_120.wav", clicks(120, 8.0))
    write(folder / "disk" / "linked_125.wav", clicks(125, 7.68))
    (music / "pack").symlink_to(folder / "disk")
    (folder / "disk" / "up").symlink_to(music)
    write(music / "x.wav", clicks(120, 4.0)).rename(music / os.fsdecode(b"H\xe9mo_120.wav"))
    for junk in ("._plain_120.wav", "@eaDir/plain_120.wav", "#recycle/old.wav", "plain_120.wav.asd", "new.wav.part"):
        (music / junk).parent.mkdir(exist_ok=True)
        (music / junk).write_bytes(b"no audio")
    os.mkfifo(music / "pipe.wav")
    return music


PASSED_OVER = {
    "no_audio": 1, "appledouble": 1, "system": 1, "waste_basket": 1, "temporary": 1, "special": 1, "linked_again": 1,
}  # fmt: skip


def test_every_command_sees_the_same_library(rolecall: Command, tmp_path: Path) -> None:
    music, where = make_library(tmp_path), ("--workspace", tmp_path / "w")
    planned = rolecall("plan", music, *where, "--json").json()
    assert (planned["new"], planned["passed_over_by_kind"]) == (3, PASSED_OVER)
    ended = rolecall("label", music, *where, "--json")
    assert (ended.code, ended.json()["labelled"], ended.json()["passed_over_by_kind"]) == (0, 3, PASSED_OVER)
    fetched = rolecall("fetch", "folder", music, *where, "--json")
    assert (fetched.code, fetched.json()["loops"], fetched.json()["files_passed_over_by_kind"]) == (0, 3, PASSED_OVER)
    paths = {f"{music}/plain_120.wav", f"{music}/pack/linked_125.wav", f"{music}/{SHOWN}"}
    assert {row["path"] for row in rolecall("sql", "FROM tracks", *where, "--json").json()} == paths
    assert {loop["path"] for loop in rolecall("loops", "list", *where, "--json").json()} == paths
    again = rolecall("label", music, *where)
    assert "unchanged 3" in again.out
    assert "passed over 7: no audio 1, twins that macOS lays beside files 1" in again.err


def test_a_name_that_is_not_utf_8_is_taken_as_it_lies_on_disk_and_as_it_is_shown(
    rolecall: Command, tmp_path: Path
) -> None:
    music, where = make_library(tmp_path), ("--workspace", tmp_path / "w")
    real = music / os.fsdecode(b"H\xe9mo_120.wav")
    assert rolecall("label", real, *where).code == 0
    (music / "list.csv").write_text(f"path\n{SHOWN}\n")
    assert "unchanged 1" in rolecall("label", "--manifest", music / "list.csv", *where).out
    for name, answer in ((real, "yes"), (music / SHOWN, "no")):
        assert rolecall("correct", name, "--role", f"vocal={answer}", *where).code == 0
        (row,) = rolecall("sql", "FROM roles WHERE role = 'vocal'", *where, "--json").json()
        assert (row["path"], row["active"], row["source"]) == (f"{music}/{SHOWN}", answer == "yes", "person")
    assert rolecall("correct", "--from", tmp_path / "w" / "corrections.csv", *where).code == 0
    assert rolecall("iram", real, "--json", *where).json()["path"] == f"{music}/{SHOWN}"


def test_a_listing_goes_to_a_terminal_that_lacks_its_letters(rolecall: Command, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "Ελλάδα 🥁.wav").touch()
    latin = Program({**rolecall.settings, "PYTHONIOENCODING": "latin-1"})
    where = ("--workspace", tmp_path / "w")
    assert latin("label", tmp_path / "in", *where).code == 3
    shown = r"\u0395\u03bb\u03bb\u03ac\u03b4\u03b1 \U0001f941.wav"
    query = ("sql", "SELECT path FROM errors")
    for words in (query, (*query, "--format", "csv"), ("errors",)):
        ended = latin(*words, *where)
        assert (ended.code, shown in ended.out) == (0, True)
    (row,) = latin("errors", "--json", *where).json()
    assert row["path"] == f"{tmp_path}/in/Ελλάδα 🥁.wav"


def test_a_workspace_that_no_database_can_name_is_refused(rolecall: Command, tmp_path: Path) -> None:
    ended = rolecall("sql", "SELECT 1", "--workspace", tmp_path / os.fsdecode(b"\xe9"))
    assert (ended.code, r"\xe9 has a name that is not UTF-8" in ended.err) == (2, True)
