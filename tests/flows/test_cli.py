"""The command line as a program among others: lean, quiet, and honest about where it prints."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.terminal.tables import Format, print_rows
from tests.commands import Command

HEAVY = {"torch", "prefect", "distributed", "librosa", "duckdb", "numpy", "matplotlib", "sklearn"}


def modules_loaded_by(*words: str) -> set[str]:
    code = f"""
import sys
sys.argv = ['rolecall', *{words!r}]
from flows.cli import main
try:
    main()
except SystemExit:
    print('MODULES', *sorted({{name.split('.')[0] for name in sys.modules}}), file=sys.stderr)
"""
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr
    return set(printed.splitlines()[-1].split()[1:])


def test_help_loads_nothing_heavy() -> None:
    assert not modules_loaded_by("--help") & HEAVY


def test_sql_loads_the_database_and_nothing_else_that_is_heavy(tmp_path: Path) -> None:
    assert modules_loaded_by("sql", "SELECT 1", "--workspace", str(tmp_path)) & HEAVY <= {"duckdb", "numpy"}


def test_the_flow_that_labels_leaves_torch_to_its_workers() -> None:
    code = "import sys, flows.labelling.label; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("words", [(), ("fetch",), ("loops",), ("dataset",), ("models",)])
def test_a_command_without_words_shows_help(words: tuple[str, ...]) -> None:
    shown = Command({})(*words)
    assert "Usage" in shown.out + shown.err


def test_csv_and_json_print_full_precision(capsys: pytest.CaptureFixture[str]) -> None:
    third = 1 / 3
    print_rows(["p"], [[third]], Format.CSV)
    assert float(capsys.readouterr().out.split()[1]) == third
    print_rows(["p"], [[third]], Format.JSON)
    assert json.loads(capsys.readouterr().out) == [{"p": third}]


def test_lines_of_csv_end_as_a_shell_expects(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows(["model", "words"], [["a", 'with, comma and "quotes"']], Format.CSV)
    assert capsys.readouterr().out == 'model,words\na,"with, comma and ""quotes"""\n'


@pytest.mark.slow
def test_iram_prints_the_documented_fields(music: Path, tmp_path: Path) -> None:
    track, picture = music / "tracks" / "dirtylove.ogg", tmp_path / "map.png"
    command = Command({"ROLECALL_WORKSPACE": str(tmp_path / "workspace")})
    ended = command("iram", track, "--bpm", 177, "--plot", picture, "--json")
    assert ended.code == 0, ended.err
    document = ended.json()
    assert (document["path"], document["kind"], document["bpm"]) == (str(track), "track", 177)
    assert {"bpm_source", "bpm_confidence", "first_downbeat_s", "model_id", "roles", "sections"} <= document.keys()
    assert len(document["segments"]) == 17
    first = document["segments"][0]
    assert {"segment", "start_bar", "end_bar", "start_s", "end_s", "activations"} == first.keys()
    assert list(first["activations"]) == ["bass", "percussion", "fx", "melody", "chords", "vocal"]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "workspace").exists()


@pytest.mark.slow
def test_doctor_finds_this_machine_well(tmp_path: Path) -> None:
    ended = Command({"ROLECALL_WORKSPACE": str(tmp_path)})("doctor", "--json")
    assert ended.code == 0, ended.out
    assert all(check["ok"] for check in ended.json())


@pytest.mark.slow
@pytest.mark.parametrize("words", [("label",), ("fetch", "folder")])
def test_the_cluster_that_the_environment_names_is_the_one_that_works(
    rolecall: Command, music: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    nowhere = Command({**rolecall.settings, "ROLECALL_DASK": "nowhere://127.0.0.1"})
    ended = nowhere(*words, music / "loops", "--workspace", tmp_path)
    assert (ended.code, "no Dask scheduler answers at nowhere" in ended.err) == (2, True), ended.err
