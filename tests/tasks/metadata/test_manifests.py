import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UserError
from storage.vocabulary import Kind
from tasks.metadata.manifests import Row, read_manifest


def rows_of(folder: Path, text: str) -> list[Row]:
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return list(read_manifest(folder / "list.csv"))


def test_a_full_row_is_read(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path,bpm,first_downbeat_s,kind,mood\na.wav, 127.5 ,0.25,track,dark\n")
    assert (row.bpm(), row.first_downbeat_s(), row.kind()) == (127.5, 0.25, Kind.TRACK)
    assert row.cells["mood"] == "dark"


def test_a_one_shot_may_be_listed_as_one(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path,kind\na.wav,oneshot\n")
    assert row.kind() is Kind.ONESHOT


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
    with pytest.raises(UserError, match="line 2: kind is 'song'; write loop, track or oneshot"):
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
    for content in (b"path\n\xff\xfe\x00a.wav\n", "path\nHémo.wav\n".encode("latin-1"), b"path\r\n\0a.wav\n"):
        (tmp_path / "list.csv").write_bytes(content)
        with pytest.raises(UserError, match=r"list\.csv, line 2: is no text in UTF-8; save the manifest as UTF-8"):
            list(read_manifest(tmp_path / "list.csv"))


def test_a_manifest_as_a_german_excel_saves_it_is_read(tmp_path: Path) -> None:
    text = '\ufeffpath;bpm;first_downbeat_s;roles;kind\r\nloop.wav;127,5;0,25;"bass;fx";loop\r\n;;;;\r\n'
    (row,) = rows_of(tmp_path, text)
    assert (row.path, row.bpm(), row.first_downbeat_s(), row.kind()) == (tmp_path / "loop.wav", 127.5, 0.25, Kind.LOOP)
    assert row.roles() == ("bass", "fx")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_separator_and_any_line_end_is_seen(tmp_path: Path, separator: str, ending: str) -> None:
    lines = [["Path", " BPM "], ["a.wav", "120"], [], ["", ""], ["b.wav", "12x"]]
    rows = rows_of(tmp_path, ending.join(separator.join(line) for line in lines))
    assert [(row.path.name, row.cells["bpm"]) for row in rows] == [("a.wav", "120"), ("b.wav", "12x")]
    with pytest.raises(UserError, match=r"line 5: bpm is '12x', not a number"):
        rows[1].bpm()


def test_the_separator_that_excel_notes_in_the_first_line_is_believed(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "sep=;\r\npath;roles\r\na, b.wav;bass\r\n")
    assert (row.path.name, row.where.endswith("line 3")) == ("a, b.wav", True)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_text_that_says_its_encoding_is_read(tmp_path: Path, codec: str) -> None:
    (tmp_path / "list.csv").write_bytes("path\tbpm\r\nHémo.wav\t120\r\n".encode(codec))
    (row,) = read_manifest(tmp_path / "list.csv")
    assert (row.path.name, row.bpm()) == ("Hémo.wav", 120.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("path,bpm\na.wav,127,5\n", "line 2: 3 cells, but the first line names 2 columns; put a cell that holds ','"),
        ('path,bpm\n"a.wav,120\nb.wav,120\n', "line 2: is not CSV: unexpected end of data; look at its quotes"),
        ("path,bpm,BPM\na.wav,1,2\n", "two columns 'bpm'"),
        ("path,bpm\na.wav,120\n./a.wav,120\n", "line 3: .*a.wav is listed twice"),
        ("path\nC:\\Loops\\a.wav\n", r"line 2: C:\\Loops\\a.wav is a path of Windows"),
        ("path\n\\\\nas\\loops\\a.wav\n", r"line 2: \\\\nas\\loops\\a.wav is a path of Windows"),
    ],
)
def test_a_line_that_says_two_things_is_refused_and_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        rows_of(tmp_path, text)


def test_cells_too_many_that_are_empty_are_no_mistake(tmp_path: Path) -> None:
    assert rows_of(tmp_path, "path,bpm,\na.wav,120,,,\n")[0].cells == {"bpm": "120"}


@pytest.mark.parametrize(
    ("on_disk", "written"),
    [
        ("kit/kick.wav", r"kit\kick.wav"),
        (r"kit\kick.wav", r"kit\kick.wav"),
        ("Caf\u00e9/\u00e9.wav", "Cafe\u0301/e\u0301.wav"),
        ("Cafe\u0301/e\u0301.wav", "Caf\u00e9/\u00e9.wav"),
        ("Cafe\u0301/\u00e9.wav", "Caf\u00e9\\e\u0301.wav"),
        (os.fsdecode(b"H\xe9mo.wav"), r"H\xe9mo.wav"),
        (r"H\xe9mo.wav", r"H\x5cxe9mo.wav"),
    ],
)
def test_a_path_is_found_however_it_is_written(tmp_path: Path, on_disk: str, written: str) -> None:
    file = tmp_path / on_disk
    file.parent.mkdir(exist_ok=True)
    file.touch()
    (row,) = rows_of(tmp_path, f"path\n{written}\n")
    assert row.path == file


def test_a_path_that_is_nowhere_keeps_its_letters_and_gets_slashes(tmp_path: Path) -> None:
    (row,) = rows_of(tmp_path, "path\nkit\\kick \u00e9.wav\n")
    assert row.path == tmp_path / "kit" / "kick \u00e9.wav"


@pytest.mark.parametrize("cell", ["bass;fx", "fx, bass", "Bass FX", "fx|bass", "bass/fx"])
def test_roles_may_be_separated_as_people_do(cell: str) -> None:
    assert Row("here", Path("a.wav"), {"roles": cell}).roles() == ("bass", "fx")


@given(st.text(alphabet='pathbm,;\t|"\\\r\n.w1 =s\u00e9', max_size=60))
def test_whatever_stands_in_a_manifest_is_read_or_refused(text: str) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "list.csv").write_bytes(f"path\n{text}".encode())
        with suppress(UserError):
            assert all(row.path.is_absolute() for row in read_manifest(Path(folder) / "list.csv"))
