"""What bad input gets: exit code 2 and one line that says what, where and what to do, before any work is done."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import storage.models
from flows.cli import main
from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace

Refused = Callable[..., str]


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Refused:
    """Runs a command that must be refused with exit code 2; returns its one line."""

    def run(*words: str | Path) -> str:
        monkeypatch.setattr("sys.argv", ["rolecall", *map(str, words), "--workspace", str(tmp_path / "workspace")])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert ended.value.code == 2, printed.err
        assert printed.out == ""
        assert not list(tmp_path.glob("workspace/prefect"))
        return printed.err.strip()

    return run


def manifest(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(text)
    return path


def test_a_path_that_is_not_there(refused: Refused, tmp_path: Path) -> None:
    line = refused("label", tmp_path / "nowhere")
    assert line == f"rolecall: {tmp_path / 'nowhere'} is not there; name a file or a folder of audio"


def test_nothing_to_label_or_two_things_at_once(refused: Refused, tmp_path: Path) -> None:
    assert "--manifest" in refused("label")
    assert "--manifest" in refused("label", tmp_path, "--manifest", tmp_path / "list.csv")


def test_a_manifest_without_a_path_column(refused: Refused, tmp_path: Path) -> None:
    line = refused("label", "--manifest", manifest(tmp_path, "file,bpm\na.wav,120\n"))
    assert "no column 'path'" in line


@pytest.mark.parametrize("bpm", ["fast", "19", "401", "nan", "-120"])
def test_a_tempo_that_cannot_be_names_the_line(refused: Refused, tmp_path: Path, bpm: str) -> None:
    line = refused("label", "--manifest", manifest(tmp_path, f"path,bpm\na.wav,120\nb.wav,{bpm}\n"))
    assert "list.csv, line 3" in line
    assert bpm in line


def test_weights_that_are_not_those_of_the_card(
    refused: Refused, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt = tmp_path / "model"
    shutil.copytree(storage.models.BUNDLED, spoilt)
    weights = spoilt / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    monkeypatch.setattr(storage.models, "BUNDLED", spoilt)
    assert f"{weights} is not the file that its card describes" in refused("label", music / "loops")


def test_a_model_that_nobody_knows(refused: Refused, music: Path) -> None:
    assert "no model is called 'oracle'" in refused("label", music / "loops", "--model", "oracle")


def test_a_catalogue_of_a_newer_schema(refused: Refused, music: Path, tmp_path: Path) -> None:
    with Workspace(tmp_path / "workspace").lock("test") as workspace, Ledger.of(workspace) as ledger:
        ledger.publish()
    with duckdb.connect(str(workspace.catalogue)) as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (999, 'from the future', now())")
    for words in (("sql", "SELECT 1"), ("label", music / "loops")):
        assert "schema version 999" in refused(*words)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a INTEGER)",
        "INSERT INTO tracks VALUES (1)",
        "COPY (SELECT 1) TO 'out.csv'",
        "SELECT 1; SELECT 2",
    ],
)
def test_sql_that_writes(refused: Refused, sql: str) -> None:
    assert "writes nothing" in refused("sql", sql)


def test_sql_with_a_mistake(refused: Refused) -> None:
    assert "failed" in refused("sql", "SELECT loudness FROM tracks")


def test_a_recipe_that_nobody_knows_or_with_an_unknown_word(refused: Refused, tmp_path: Path) -> None:
    assert "shipped one: bundled-model, default, paper" in refused("dataset", "build", "imaginary")
    recipe = tmp_path / "mine.toml"
    recipe.write_text('name = "mine"\n[mix]\nmost_lops = 3\n')
    assert "mix.most_lops" in refused("dataset", "build", recipe)


def test_a_data_set_that_is_not_there(refused: Refused) -> None:
    assert "no finished data set 'dreams'" in refused("train", "dreams")


def test_a_folder_manifest_with_an_unknown_role(refused: Refused, tmp_path: Path) -> None:
    line = refused("fetch", "folder", tmp_path, "--manifest", manifest(tmp_path, "path,roles\na.wav,bass;cowbell\n"))
    assert "line 2: no role 'cowbell'" in line


def test_iram_of_a_file_that_cannot_be_read(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    assert "unreadable" in refused("iram", tmp_path / "text.wav")


def test_a_workspace_that_cannot_be_written_is_named(refused: Refused, music: Path, tmp_path: Path) -> None:
    (tmp_path / "workspace").write_text("a file where a folder should be")
    assert str(tmp_path / "workspace") in refused("label", music / "loops")


def test_reading_an_empty_workspace_answers_with_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = [
        "rolecall",
        "sql",
        "SELECT count(*) AS tracks FROM tracks",
        "--format",
        "json",
        "--workspace",
        str(tmp_path),
    ]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == [{"tracks": 0}]
