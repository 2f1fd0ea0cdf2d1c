"""Prefect's own database: told by its revision, set aside where it does not fit, copied where there is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from flows.orchestration import prefect_database as database
from flows.orchestration.prefect_database import DATABASE


def make(home: Path, revision: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(home / DATABASE)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR)")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [revision])
        connection.commit()
    (home / "memo_store.toml").write_text("noted")


def newest_revision() -> str:
    return sorted(database._known_migrations())[-1].split("_")[4]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_database_of_this_prefect_and_none_at_all_fit(tmp_path: Path) -> None:
    assert database.fits(tmp_path)
    make(tmp_path, newest_revision())
    assert database.fits(tmp_path)


def test_a_database_of_another_prefect_does_not_fit_and_is_set_aside_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        make(tmp_path, "feedfacecafe")
        assert not database.fits(tmp_path)
        database.set_aside(tmp_path)
        assert database.fits(tmp_path)
        assert (tmp_path / f"other-{number}-{DATABASE}").exists()
        assert f"{tmp_path / DATABASE} was written by another version" in capsys.readouterr().err
    assert not (tmp_path / DATABASE).exists()


def test_a_file_that_is_no_database_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_text("no database" * 1000)
    assert not database.fits(tmp_path)


def test_a_database_that_was_kept_is_copied_into_every_folder_without_one(tmp_path: Path) -> None:
    make(tmp_path / "first", newest_revision())
    assert not database.copy_template(tmp_path / "first")
    assert database.copy_template(tmp_path / "second")
    database.keep_template(tmp_path / "first")
    assert not database.copy_template(tmp_path / "second")
    assert database.fits(tmp_path / "second")
    assert sorted(path.name for path in (tmp_path / "second").iterdir()) == ["memo_store.toml", DATABASE]


def test_where_the_cache_cannot_be_written_nothing_is_kept_and_nothing_fails(tmp_path: Path, cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    make(tmp_path / "first", newest_revision())
    database.keep_template(tmp_path / "first")
    assert database.copy_template(tmp_path / "second")
