"""Settings: a file, then the environment, then flags; `config show --sources` says who said what."""

from pathlib import Path

import pytest

from tests.commands import Command


def settings(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "config.toml").write_text(text)
    return {"ROLECALL_CONFIG": str(tmp_path / "config.toml"), "HOME": str(tmp_path)}


def test_a_flag_wins_over_the_environment_and_this_over_the_file(tmp_path: Path) -> None:
    file = settings(tmp_path, 'workspace = "/from/file"\nworkers = 3\nmax_errors = 7\ndask = "tcp://file:1"\n')
    command = Command({**file, "ROLECALL_DASK": "tcp://environment:1", "FREESOUND_API_KEY": "hush"})
    ended = command("config", "show", "--sources", "--json", "--workers", 5)
    assert (ended.code, ended.json()) == (
        0,
        [
            {"setting": "workspace", "value": "/from/file", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "workers", "value": "5", "source": "flag"},
            {"setting": "dask", "value": "tcp://environment:1", "source": "environment"},
            {"setting": "max_errors", "value": "7", "source": f"file {tmp_path / 'config.toml'}"},
            {"setting": "FREESOUND_API_KEY", "value": "(set, not shown)", "source": "environment"},
        ],
    )


def test_what_the_file_says_holds_for_every_command(tmp_path: Path) -> None:
    command = Command(settings(tmp_path, f'workspace = "{tmp_path / "mine"}"\n'))
    assert command("correct", "7", "--role", "bass=yes").code == 2
    assert (tmp_path / "mine" / "ledger").is_dir()


def test_without_a_file_everything_is_a_default(tmp_path: Path) -> None:
    rows = Command({"HOME": str(tmp_path), "ROLECALL_CONFIG": str(tmp_path / "none")})(
        "config", "show", "--sources", "--json"
    ).json()
    assert {row["source"] for row in rows} == {"default"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("workers = 'two'", "workers must be a number"),
        ("workers = true", "workers must be a number"),
        ("dask = 1", "dask must be a text in quotes"),
        ("wokers = 2", "no setting is called 'wokers'; there are workspace, workers, dask, max_errors"),
        ("workers =", "cannot be read"),
    ],
)
def test_a_file_with_a_mistake_is_named_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    ended = Command(settings(tmp_path, text))("config", "show")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert str(tmp_path / "config.toml") in ended.err
    assert said in ended.err
