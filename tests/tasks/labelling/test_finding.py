import hashlib
import os
from pathlib import Path

import pytest

from storage.catalogue.comparison import FOUND_SCHEMA
from storage.errors import UserError
from tasks.labelling.finding import Found, check_manifest, find_audio, find_listed, hash_files, look_again


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(os.fsencode(name))


def paths_of(found: Found, folder: Path) -> list[str]:
    return [Path(path).relative_to(folder).as_posix() for path in found.table.column("path").to_pylist()]


def test_audio_is_found_at_any_depth_in_a_fixed_order(tmp_path: Path) -> None:
    make(tmp_path, "b/2.flac", "b/1.WAV", "a.ogg", "b/c/d/3.mp3", "foreign.m4a")
    found = find_audio([tmp_path])
    assert paths_of(found, tmp_path) == ["a.ogg", "foreign.m4a", "b/1.WAV", "b/2.flac", "b/c/d/3.mp3"]
    assert found.table.schema == FOUND_SCHEMA


def test_other_files_are_passed_over_and_counted(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "cover.jpg", "notes/read.me", "no_extension", "._a.wav")
    found = find_audio([tmp_path])
    assert (found.table.num_rows, found.omissions.kinds) == (1, {"no_audio": 3, "appledouble": 1})


def test_an_empty_folder_has_nothing(tmp_path: Path) -> None:
    found = find_audio([tmp_path])
    assert (found.table.num_rows, found.omissions.total) == (0, 0)


def test_a_file_named_twice_is_found_once(tmp_path: Path) -> None:
    make(tmp_path, "kit/a.wav")
    found = find_audio([tmp_path, tmp_path / "kit", tmp_path / "kit" / "a.wav", tmp_path / "x" / ".." / "kit"][:3])
    assert paths_of(found, tmp_path) == ["kit/a.wav"]


def test_a_row_says_what_the_file_looks_like_and_what_its_name_says(tmp_path: Path) -> None:
    make(tmp_path, "loop_128bpm.wav")
    (row,) = find_audio([tmp_path]).table.to_pylist()
    status = (tmp_path / "loop_128bpm.wav").stat()
    assert (row["size"], row["mtime_ns"], row["name_bpm"]) == (status.st_size, status.st_mtime_ns, 128.0)
    assert (row["kind"], row["bpm"], row["first_downbeat_s"]) == (None, None, None)
    assert (row["name_kind"], row["name_number"], row["name_key"]) == ("loop", None, None)


def test_a_loop_of_links_does_not_hang_the_walk(tmp_path: Path) -> None:
    make(tmp_path, "kit/a.wav")
    (tmp_path / "kit" / "again").symlink_to(tmp_path)
    assert paths_of(find_audio([tmp_path]), tmp_path) == ["kit/a.wav"]


def test_a_broken_link_is_a_row_without_a_size(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to(tmp_path / "gone.wav")
    assert find_audio([tmp_path]).table.to_pylist()[0]["size"] is None


def test_a_name_that_is_not_utf_8_is_found_and_escaped_be_it_a_files_or_a_folders(tmp_path: Path) -> None:
    folder, name = os.fsdecode(b"b\xff"), os.fsdecode(b"n\xfe_128bpm.wav")
    make(tmp_path, "good.wav", name, f"{folder}/in.wav")
    found = find_audio([tmp_path])
    assert paths_of(found, tmp_path) == ["good.wav", r"n\xfe_128bpm.wav", r"b\xff/in.wav"]
    assert found.table["name_bpm"].to_pylist() == [None, 128.0, None]
    assert None not in found.table["size"].to_pylist()
    assert len(hash_files(found.table["path"].to_pylist())) == 3
    assert look_again(found.table) == found.table


def test_a_listed_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "list.csv").write_text("path\npipe.wav\n")
    assert hash_files(find_listed(str(tmp_path / "list.csv")).table["path"].to_pylist()) == {}


def test_a_path_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is not there"):
        find_audio([tmp_path, tmp_path / "nowhere"])


def test_listed_files_carry_what_the_manifest_says(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    (tmp_path / "list.csv").write_text("path,bpm,first_downbeat_s,kind\na.wav,96.5,0.125,loop\n")
    (row,) = find_listed(str(tmp_path / "list.csv")).table.to_pylist()
    assert (row["bpm"], row["first_downbeat_s"], row["kind"]) == (96.5, 0.125, "loop")


def test_a_listed_file_that_is_missing_is_a_row_without_a_size(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path\ngone.wav\n")
    (row,) = find_listed(str(tmp_path / "list.csv")).table.to_pylist()
    assert (row["path"], row["size"], row["mtime_ns"]) == (str(tmp_path / "gone.wav"), None, None)


def test_a_file_listed_twice_is_refused_and_its_line_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path\na.wav\nb.wav\n./a.wav\n")
    with pytest.raises(UserError, match=r"line 4: .*listed twice"):
        find_listed(str(tmp_path / "list.csv"))


def test_a_wrong_tempo_anywhere_in_the_list_is_refused_before_any_file_is_looked_at(tmp_path: Path) -> None:
    # Nobody answers at this port: a file there that is looked at is another error.
    (tmp_path / "list.csv").write_text("path,bpm\nhttp://127.0.0.1:9/a.wav,120\nb.wav,fast\n")
    for read in (check_manifest, find_listed):
        with pytest.raises(UserError, match="line 3"):
            read(str(tmp_path / "list.csv"))


def test_a_manifest_is_checked_without_its_files(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("path\nhttp://127.0.0.1:9/a.wav\ngone.wav\n")
    check_manifest(str(tmp_path / "list.csv"))


def test_files_that_can_be_read_are_hashed_and_others_left_out(tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    path = str(tmp_path / "a.wav")
    assert hash_files([path, str(tmp_path / "gone.wav"), str(tmp_path)]) == {path: hashlib.sha256(b"a.wav").hexdigest()}
