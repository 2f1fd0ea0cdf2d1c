"""Settings: a file, then the environment, then flags; `config show --sources` says who said what."""

from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from flows.cli import app
from storage.accounts.settings_file import SETTINGS
from tests.support.commands import Command

MORE = 'time_limit = 300\nbpm_range = "90-180"\nmemory_limit = "1GB"\n'


def settings(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "config.toml").write_text(text)
    return {"ROLECALL_CONFIG": str(tmp_path / "config.toml"), "HOME": str(tmp_path)}


def test_a_flag_wins_over_the_environment_and_this_over_the_file(tmp_path: Path) -> None:
    file = settings(tmp_path, 'workspace = "/from/file"\nworkers = 3\nmax_errors = 7\ndask = "tcp://file:1"\n' + MORE)
    variables = {"ROLECALL_DASK": "tcp://environment:1", "ROLECALL_MEMORY_LIMIT": "2GB", "FREESOUND_API_KEY": "hush"}
    command = Command({**file, **variables})
    ended = command("config", "show", "--sources", "--json", "--workers", 5)
    assert (ended.code, ended.json()) == (
        0,
        [
            {"setting": "workspace", "value": "/from/file", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "workers", "value": "5", "source": "flag"},
            {"setting": "dask", "value": "tcp://environment:1", "source": "environment"},
            {"setting": "max_errors", "value": "7", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "time_limit", "value": "300.0", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "bpm_range", "value": "90-180", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "publish_to", "value": "", "source": "default"},
            {"setting": "memory_limit", "value": "2GB", "source": "environment"},
            {"setting": "FREESOUND_API_KEY", "value": "(set, not shown)", "source": "environment"},
        ],
    )


def test_what_the_file_says_holds_for_every_command(tmp_path: Path) -> None:
    command = Command(settings(tmp_path, f'workspace = "{tmp_path / "mine"}"\n'))
    assert command("correct", "7", "--role", "bass=yes").code == 2
    assert (tmp_path / "mine" / "ledger").is_dir()


def test_the_file_may_say_what_a_variable_may(tmp_path: Path) -> None:
    """Else a setting would be lost where a variable does not reach: a scheduled run, another shell."""
    commands = typer.main.get_command(app)
    assert isinstance(commands, TyperGroup)
    options = [option for command in commands.commands.values() for option in command.params]
    assert {option.name for option in options if option.envvar} <= set(SETTINGS)


def test_a_command_that_labels_takes_every_setting_of_labelling() -> None:
    commands = typer.main.get_command(app)
    assert isinstance(commands, TyperGroup)
    for name in ("label", "retry", "serve"):
        assert set(SETTINGS) - {"memory_limit"} <= {option.name for option in commands.commands[name].params}


def test_without_a_file_everything_is_a_default(tmp_path: Path) -> None:
    rows = Command({"HOME": str(tmp_path), "ROLECALL_CONFIG": str(tmp_path / "none")})(
        "config", "show", "--sources", "--json"
    ).json()
    assert {row["source"] for row in rows} == {"default"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workers = 'two'", "workers must be a whole number"),
        ("workers = true", "workers must be a whole number"),
        ("time_limit = 'long'", "time_limit must be a number"),
        ("dask = 1", "dask must be a text in quotes"),
        ("wokers = 2", "no setting is called 'wokers'; there are workspace, workers, dask, max_errors, "),
        ("workers =", "cannot be read"),
    ],
)
def test_a_file_with_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    ended = Command(settings(tmp_path, text))("config", "show")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert str(tmp_path / "config.toml") in ended.err
    assert said in ended.err
