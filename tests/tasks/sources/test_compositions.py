import json
from pathlib import Path

import numpy as np
import pytest

from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.sources.compositions import read_compositions
from tests.support.dummies import clicks, write

HEADER = ",".join(ROLES)


def make(folder: Path, name: str, truth: str = f"{HEADER}\n1,0,0,0,0,-1\n", audio: str = "mix.wav") -> None:
    write(folder / name / audio, clicks(120, 16.0))
    (folder / name / "truth.csv").write_text(truth)
    (folder / name / "info.json").write_text(json.dumps({"bpm": 120, "title": name}))


def test_compositions_are_read_in_order_with_their_truth(tmp_path: Path) -> None:
    make(tmp_path, "b", f"segment,{','.join(ROLES)}\n0,1,0,0,0,0,-1\n1,0,1,0,0,0,-1\n")
    make(tmp_path, "a", f"{','.join(reversed(ROLES))}\n1,0,0,0,0,0\n", "mix.flac")
    (tmp_path / "notes").mkdir()
    first, second = read_compositions(tmp_path)
    assert (first.name, first.audio.name, first.bpm) == ("a", "mix.flac", 120.0)
    np.testing.assert_array_equal(first.truth, [[0, 0, 0, 0, 0, 1]])
    np.testing.assert_array_equal(second.truth, [[1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]])


def test_a_folder_without_compositions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no truth\.csv below"):
        list(read_compositions(tmp_path))


def test_a_composition_without_audio_is_refused_by_name(tmp_path: Path) -> None:
    make(tmp_path, "a", f"{','.join(ROLES)}\n0,0,0,0,0,0\n")
    (tmp_path / "a" / "mix.wav").unlink()
    with pytest.raises(UserError, match=r"a has a truth\.csv and no mix"):
        list(read_compositions(tmp_path))


def test_compositions_are_found_as_labelling_finds_audio(tmp_path: Path) -> None:
    for name in ("disk/song", "library/deep/song", "library/@eaDir/song", "library/.old/song"):
        make(tmp_path, name)
    (tmp_path / "library" / "linked").symlink_to(tmp_path / "disk")
    for junk in ("._mix.wav", "mix.asd", "mix.wav.asd"):
        (tmp_path / "library" / "deep" / "song" / junk).touch()
    found = read_compositions(tmp_path / "library")
    assert [one.name for one in found] == ["deep/song", "linked/song"]
    assert {one.audio.name for one in found} == {"mix.wav"}


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        ('{"bpm": 120, "licence": ["CC0"]}', r"licence is \['CC0'\]: input should be a valid string"),
        ('{"title": "a"}', "bpm is missing"),
        ('{"bpm": "fast"}', "bpm is 'fast': input should be a valid number"),
        ('{"bpm": NaN}', "bpm is nan"),
        ('{"bpm": 0}', "bpm is 0: input should be greater than or equal to 20"),
        ("[120]", r"the description is \[120\]"),
        ("{", "is not JSON"),
        ("", "is not JSON"),
    ],
)
def test_a_wrong_description_is_refused_with_its_file_and_field(tmp_path: Path, info: str, complaint: str) -> None:
    make(tmp_path, "a")
    (tmp_path / "a" / "info.json").write_text(info)
    with pytest.raises(UserError, match=rf"^\S*a/info\.json:? {complaint}"):
        read_compositions(tmp_path)
    (tmp_path / "a" / "info.json").unlink()
    with pytest.raises(UserError, match=r"cannot read the description \S*a/info\.json: No such file"):
        read_compositions(tmp_path)


@pytest.mark.parametrize(
    ("truth", "complaint"),
    [
        (f"{HEADER}\n1,0,0,0,0,0\n1,0,0,2,0,0\n", "truth.csv, line 3: melody is '2'; write 1 for on, 0 for off"),
        (f"{HEADER}\n1,0,0,0,on,0\n", "truth.csv, line 2: chords is 'on'"),
        (f"{HEADER}\n1,0,0\n", "truth.csv, line 2: melody is ''"),
        ("bass,fx\n1,0\n", "truth.csv has no column 'percussion'"),
        ("", "truth.csv has no column 'bass'"),
    ],
)
def test_a_wrong_truth_is_refused_with_its_file_and_line(tmp_path: Path, truth: str, complaint: str) -> None:
    make(tmp_path, "a", truth)
    with pytest.raises(UserError, match=complaint):
        read_compositions(tmp_path)


def test_a_truth_with_semicolons_and_decimal_commas_is_read(tmp_path: Path) -> None:
    make(tmp_path, "a", f"\ufeff{HEADER.replace(',', ';')}\r\n1,0;0;0;0;0;-1,0\r\n")
    (one,) = read_compositions(tmp_path)
    np.testing.assert_array_equal(one.truth, [[1, 0, 0, 0, 0, -1]])
