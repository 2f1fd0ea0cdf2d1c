from pathlib import Path

import pytest

from storage.errors import UserError
from storage.vocabulary import Kind
from tasks.metadata.manifests import Row, absolute, read_manifest


def rows_of(folder: Path, text: str) -> list[Row]:
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return list(read_manifest(folder / "list.csv"))


def test_a_full_row_is_read(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path,bpm,first_downbeat_s,kind,mood\na.wav, 127.5 ,0.25,track,dark\n")
    assert (row.bpm(), row.first_downbeat_s(), row.kind()) == (127.5, 0.25, Kind.TRACK)
    assert row.cells["mood"] == "dark"


def test_empty_cells_are_unknown(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path,bpm,first_downbeat_s,kind\na.wav,, ,\n")
    assert (row.bpm(), row.first_downbeat_s(), row.kind()) == (None, None, None)


def test_relative_paths_are_taken_from_the_manifests_folder(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, "path\nkit/a.wav\n../b.wav\n/elsewhere/c.wav\n")
    assert [row.path for row in rows] == [tmp_path / "kit/a.wav", tmp_path.parent / "b.wav", Path("/elsewhere/c.wav")]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "\ufeffpath,bpm\na.wav,120\n")[0].path == tmp_path / "a.wav"


def test_quoted_cells_may_hold_commas_and_line_breaks(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, 'note,path\n"one,\ntwo","a, b.wav"\nx,c.wav\n')
    assert [row.path.name for row in rows] == ["a, b.wav", "c.wav"]
    assert rows[1].where.endswith("line 4")


@pytest.mark.parametrize("bpm", ["NaN", "inf", "-inf", "19", "19.99", "401", "fast", "120 bpm", "-120", "0"])
def test_an_impossible_tempo_is_refused_and_its_line_named(tmp_path: Path, bpm: str) -> None:
    rows = rows_of(tmp_path, f"path,bpm\na.wav,120\nb.wav,{bpm}\n")
    with pytest.raises(UserError, match=r"list\.csv, line 3: bpm is"):
        rows[1].bpm()


@pytest.mark.parametrize("bpm", ["20", "400", "1.2e2"])
def test_a_possible_tempo_is_taken(tmp_path: Path, bpm: str) -> None:
    assert rows_of(tmp_path, f"path,bpm\na.wav,{bpm}\n")[0].bpm() == float(bpm)


@pytest.mark.parametrize("seconds", ["-0.1", "nan", "soon"])
def test_an_impossible_first_downbeat_is_refused_and_its_line_named(tmp_path: Path, seconds: str) -> None:
    (row,) = rows_of(tmp_path, f"path,first_downbeat_s\na.wav,{seconds}\n")
    with pytest.raises(UserError, match="line 2: first_downbeat_s is"):
        row.first_downbeat_s()


def test_another_kind_is_refused_and_its_line_named(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path,kind\na.wav,song\n")
    with pytest.raises(UserError, match="line 2: kind is 'song'; write loop or track"):
        row.kind()


def test_a_line_without_a_path_is_refused_and_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="line 3: no path"):
        rows_of(tmp_path, "path,bpm\na.wav,120\n,120\n")


@pytest.mark.parametrize("text", ["", "file,bpm\na.wav,120\n", "a.wav\nb.wav\n"])
def test_a_manifest_without_a_path_column_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="no column 'path'"):
        rows_of(tmp_path, text)


def test_a_manifest_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read the manifest"):
        list(read_manifest(tmp_path / "none.csv"))
    (tmp_path / "list.csv").write_bytes(b"path\n\xff\xfe\x00a.wav\n")
    with pytest.raises(UserError, match="not a CSV file in UTF-8"):
        list(read_manifest(tmp_path / "list.csv"))


def test_an_absolute_path_keeps_its_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert absolute(tmp_path / "x" / ".." / "link" / "a.wav") == tmp_path / "link" / "a.wav"
