"""The command line as a program among others: lean, quiet, and honest about where it prints."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from flows.cli import app
from flows.commands.examples import EXAMPLES
from flows.terminal.tables import Format, print_rows
from tests.support.commands import Command
from tests.support.documentation_pages import assert_rolecall_takes

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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("label", "--worker", "3"), "no such option: --worker"),
        (("lable", "music"), "no such command 'lable'"),
        (("sql",), "missing argument"),
        (("label", "music", "--workers", "x"), "invalid value for '--workers'"),
        (("export", "--format", "nope", "out"), "invalid value for '--format': 'nope' is not one of 'csv'"),
        (("fetch", "nothing"), "no such command 'nothing'"),
    ],
)
def test_words_that_are_not_understood_get_one_line_with_the_remedy(words: tuple[str, ...], said: str) -> None:
    ended = Command({})(*words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith(f"rolecall: {said}")
    assert "--help says what it takes" in ended.err


def commands_below(command: Any, name: str = "") -> Iterator[str]:
    """The names of all commands, each with its group before it."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name
    for word, one in (below or {}).items():
        yield from commands_below(one, f"{name} {word}".strip())


def test_every_command_has_an_example_in_its_help_that_it_takes() -> None:
    assert sorted(commands_below(get_command(app))) == sorted(EXAMPLES)
    for example in EXAMPLES.values():
        assert_rolecall_takes(shlex.split(example)[1:])
    assert f"Example: {EXAMPLES['errors']}" in Command({})("errors", "--help").out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shell: str) -> None:
    # Otherwise typer looks for the shell that the tests were started from.
    named = Command({"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert "_ROLECALL_COMPLETE" in named("--show-completion", shell).out
    words = {"COMP_WORDS": "rolecall la", "COMP_CWORD": "1", "_ROLECALL_COMPLETE": "complete_bash"}
    assert Command(words)().out.split() == ["label"]


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
