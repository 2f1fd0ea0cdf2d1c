import json
from pathlib import Path

import numpy as np
import pytest

from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.sources.compositions import read_compositions
from tests.dummies import clicks, write


def make(folder: Path, name: str, truth: str, audio: str = "mix.wav") -> None:
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
