import json
from pathlib import Path

import numpy as np
import pytest

from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.features.key_network import NO_KEY
from tasks.key_training.material import TRACK, heard, key_number, keyed_files
from tests.support.dummies import RATE, write
from tests.tasks.features.test_chroma import MAJOR_SCALE, notes


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "loops").mkdir()
    rows = ["path,roles,key,group"]
    for name, roles, key in (
        ("a.wav", "melody", "A minor"),
        ("b.wav", "bass", "G"),
        ("c.wav", "percussion", ""),
        ("d.wav", "chords;bass", "C major"),
        ("e.wav", "chords", ""),
    ):
        write(tmp_path / "loops" / name, notes(MAJOR_SCALE, 0))
        rows.append(f"{name},{roles},{key},somebody")
    (tmp_path / "loops" / "manifest.csv").write_text("\n".join(rows))
    track = tmp_path / "tracks" / "one"
    track.mkdir(parents=True)
    write(track / "mix.wav", np.resize(notes(MAJOR_SCALE, 2), 30 * RATE))
    (track / "info.json").write_text(json.dumps({"bpm": 120, "key": "D major"}))
    (track / "truth.csv").write_text(",".join(ROLES) + "\n" + ",".join("1" for _ in ROLES))
    return tmp_path


def test_sounds_of_one_role_with_tonic_and_mode_and_percussion_are_what_is_learned_from(corpus: Path) -> None:
    found = {file.path.name: (file.role, file.key) for file in keyed_files(corpus)}
    assert found == {"a.wav": ("melody", 21), "c.wav": ("percussion", NO_KEY), "mix.wav": (TRACK, 2)}


def test_of_a_track_a_third_is_heard(corpus: Path) -> None:
    (track,) = [file for file in keyed_files(corpus) if file.role == TRACK]
    assert 13 <= len(heard(track).chroma) <= 16


def test_a_corpus_without_keys_is_refused(corpus: Path) -> None:
    (corpus / "loops" / "manifest.csv").write_text("path,roles,key,group\nc.wav,percussion,,x\n")
    info = corpus / "tracks" / "one" / "info.json"
    info.write_text(json.dumps({"bpm": 120}))
    with pytest.raises(UserError, match="no sound whose key is written"):
        keyed_files(corpus)


def test_a_tonic_alone_is_no_key_to_learn() -> None:
    assert (key_number("F# minor"), key_number("Eb"), key_number("")) == (18, None, None)
