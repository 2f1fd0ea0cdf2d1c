import hashlib
from pathlib import Path

import pytest

from storage.files import (
    atomic_path,
    remove_leftovers,
    sha256_of,
    write_bytes_atomically,
    write_text_atomically,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_is_there_under_its_name_alone(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "new" / "deep" / "a.txt", "größer")
    assert (tmp_path / "new" / "deep" / "a.txt").read_text(encoding="utf-8") == "größer"
    assert names(tmp_path / "new" / "deep") == ["a.txt"]


def test_an_exception_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")

    def be_interrupted() -> None:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        be_interrupted()
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_until_the_end_a_reader_sees_the_old_file_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_reader_keeps_the_file_that_it_has_open(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with (tmp_path / "a.txt").open() as reader:
        write_text_atomically(tmp_path / "a.txt", "new")
        assert reader.read() == "old"


def test_a_written_file_may_be_read_by_others(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"rolecall" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"rolecall" * 100_000).hexdigest()
    with pytest.raises(OSError, match="No such file"):
        sha256_of(tmp_path / "gone")


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.ogg.x1.tmp", "a.ogg", ".hidden", "b.tmp"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.ogg", "b.tmp"]
    remove_leftovers(tmp_path / "not there")


def test_bytes_replace_a_file_whole(tmp_path: Path) -> None:
    write_bytes_atomically(tmp_path / "x" / "a", b"old")
    write_bytes_atomically(tmp_path / "x" / "a", b"new")
    assert [path.read_bytes() for path in (tmp_path / "x").iterdir()] == [b"new"]
