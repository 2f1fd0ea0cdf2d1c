import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.errors import UserError
from storage.models import BUNDLED, ModelStore
from storage.vocabulary import ROLES
from tasks.audio.decoding import decode
from tasks.evaluation.annotated_maps import (
    READINGS,
    change_f,
    find_annotated,
    has_annotations,
    read_annotation,
    score_annotated,
    truth_of,
)
from tasks.labelling.batch import label_batch
from tasks.labelling.iram_document import iram_document
from tasks.labelling.request import LabelRecipe, LabelRequest
from tests.support.dummies import LOOPS, RATE, write

FILES, POST = READINGS
ROWS = ("chords", "melody", "fx", "bass", "percussion")
STEMS = {
    "chords": "dirtylove_chords_bar025_177bpm.ogg",
    "melody": "dirtylove_melody_bar009_177bpm.ogg",
    "bass": "dirtylove_bass_bar041_177bpm.ogg",
    "percussion": "dirtylove_percussion_bar009_177bpm.ogg",
}


@pytest.fixture(scope="module")
def recipe() -> LabelRecipe:
    stored = ModelStore(BUNDLED).load("default")
    return LabelRecipe.of(stored)


def annotate(folder: Path, name: str, playing: dict[str, str]) -> Path:
    """An annotation as people keep them: five rows of float64; `playing` has a sign for every four bars."""
    silent = "." * len(next(iter(playing.values())))
    rows = np.array([[float(sign == "x") for sign in playing.get(role, silent)] for role in ROWS])
    np.save(folder / f"{name}_role_activations.npy", rows)
    return folder / f"{name}_role_activations.npy"


@pytest.mark.parametrize(
    "write_junk",
    [
        lambda path: path.write_bytes(b"no array"),
        lambda path: path.write_bytes(b""),
        lambda path: np.savez(path.open("wb"), a=np.zeros((5, 2))),
        lambda path: np.save(path, np.array([["a"] * 2] * 5)),
        lambda path: np.save(path, np.zeros(5)),
        lambda path: np.save(path, np.full((5, 2), np.nan)),
        lambda path: np.save(path, np.array([{}] * 5, object), allow_pickle=True),
    ],
)
def test_an_annotation_that_is_none_is_refused_by_name(tmp_path: Path, write_junk: Callable[[Path], None]) -> None:
    write_junk(tmp_path / "0_role_activations.npy")
    with pytest.raises(UserError, match=r"0_role_activations\.npy"):
        read_annotation(tmp_path / "0_role_activations.npy")


def test_annotated_tracks_are_found_as_labelling_finds_audio(tmp_path: Path) -> None:
    for name in ("0", "[1]"):
        annotate(tmp_path, name, {"bass": "x"})
        for audio in (f"{name}.wav", f"{name}.wav.asd", f"._{name}.wav"):
            (tmp_path / audio).touch()
    (tmp_path / "._0_role_activations.npy").write_bytes(b"Mac OS X")
    assert has_annotations(tmp_path)
    tracks, left_out = find_annotated(tmp_path)
    assert ([track.source.name for track in tracks], left_out) == (["0.wav", "[1].wav"], [])


def perform(path: Path, playing: dict[str, str]) -> Path:
    """The same as sound: real loops of four bars, one after the other."""
    four_bars = round(16 * 60 / 177 * RATE)
    song = np.zeros(four_bars * len(next(iter(playing.values()))), np.float32)
    for role, signs in playing.items():
        loop = np.resize(decode(LOOPS / STEMS[role], RATE).samples, four_bars)
        song += np.concatenate([loop * float(sign == "x") for sign in signs])
    return write(path, 0.3 * song, subtype="PCM_16")


def test_real_music_is_scored_against_annotations_as_the_files_read_and_as_the_post_states(tmp_path: Path) -> None:
    folder = tmp_path / "annotated"
    folder.mkdir()
    first = {"melody": "....xxxx", "bass": "..xxxx..", "percussion": "xxxxxxx."}
    second = {"melody": "xxxxxx", "bass": ".xxx..", "percussion": "..xxxx"}
    lines = ["path,annotation,bpm,first_downbeat_s"]
    for name, playing in (("0", first), ("1", second)):
        annotation = annotate(folder, name, playing)
        lines.append(f"{perform(tmp_path / f'{name}.wav', playing)},{annotation.name},177,0")
    lines.append(f"gone.mp3,{annotate(folder, '2', first).name},177,0")
    (folder / "manifest.csv").write_text("\n".join(lines))
    command = [sys.executable, "-m", "flows.cli", "evaluate", "default", "--on", str(folder)]
    ran = subprocess.run(
        [*command, "--workspace", str(tmp_path / "w"), "--json"], capture_output=True, text=True, check=True
    )
    scores = json.loads(ran.stdout)
    assert [one["track"] for one in scores["left_out"]] == ["2"]
    assert [(one["segments"], one["scored"]) for one in scores["tracks"]] == [(8, 8), (6, 6)]
    read, stated = scores["readings"][FILES], scores["readings"][POST]
    assert set(read["roles"]) == {"melody", "fx", "bass", "percussion"}
    assert read["segments"] == 14
    assert read["roles"]["percussion"]["prevalence"] == pytest.approx(11 / 14)
    assert read["roles"]["percussion"]["roc_auc"] > 0.9
    assert read["roles"]["percussion"]["change_f"] > 0.5
    assert read["roles"]["bass"]["roc_auc"] > 0.8
    assert read["macro_always_on_accuracy"] == pytest.approx((10 + 0 + 7 + 11) / 4 / 14)
    assert stated["roles"]["bass"]["prevalence"] == 0, "row 0 is empty, and the post calls it bass"
    assert stated["roles"]["percussion"]["prevalence"] == pytest.approx(10 / 14)


def test_audio_and_maps_that_were_made_elsewhere_are_found_by_the_names_of_their_annotations(
    tmp_path: Path, recipe: LabelRecipe
) -> None:
    playing = {"melody": "xxxx..", "percussion": "..xxxx"}
    annotate(tmp_path, "a_177bpm", playing)
    annotate(tmp_path, "b", {role: f"{signs}xx" for role, signs in playing.items()})
    audio = perform(tmp_path / "a_177bpm.flac", playing)
    (outcome,) = label_batch([LabelRequest("", str(audio))], recipe)
    (tmp_path / "b.json").write_text(json.dumps(iram_document(outcome)))
    scores = score_annotated(tmp_path, recipe)
    assert [(one["track"], one["segments"], one["scored"]) for one in scores.tracks] == [
        ("a_177bpm", 6, 6),
        ("b", 8, 6),
    ]
    assert scores.readings[FILES]["segments"] == 12, "columns beyond the map are cut off, never stretched"
    assert scores.readings[FILES]["roles"]["percussion"]["roc_auc"] > 0.9


def test_chords_are_folded_into_melody_on_both_sides(tmp_path: Path, recipe: LabelRecipe) -> None:
    annotation = annotate(tmp_path, "a", {"chords": "xx......", "melody": ".xx.....", "bass": "xxxxxxxx"})
    truth = truth_of(read_annotation(annotation), READINGS[FILES])
    assert truth[:, ROLES.index("melody")].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]
    assert set(truth[:, [ROLES.index("chords"), ROLES.index("vocal")]].ravel()) == {-1.0}
    segments = [
        {"segment": place, "activations": {"chords": 0.9 if on else 0.1, "bass": 0.8}}
        for place, on in enumerate(truth[:, ROLES.index("melody")])
    ]
    (tmp_path / "a.json").write_text(json.dumps({"segments": [{"segment": -1, "activations": {}}, *segments]}))
    half = replace(recipe, card=replace(recipe.card, thresholds=dict.fromkeys(ROLES, 0.5)))
    scores = score_annotated(tmp_path, half).readings[FILES]
    assert scores["roles"]["melody"]["accuracy"] == 1.0
    assert scores["roles"]["melody"]["change_f"] == 1.0
    assert scores["roles"]["bass"]["change_f"] is None, "always on, and said so: no change to find"


def test_changes_between_two_tracks_are_none() -> None:
    truth = np.array([0, 0, 1, 1, 0, 1], np.float32)
    assert change_f(truth, np.array([0, 0, 1, 1, 0, 1], np.bool_), [0, 3]) == 1.0
    assert change_f(truth, np.array([0, 1, 1, 1, 0, 0], np.bool_), [0, 3]) == pytest.approx(2 * 1 / (3 + 2))
    assert change_f(truth, np.ones(6, np.bool_), [0, 3]) == 0.0


def test_what_is_no_annotation_or_has_no_music_is_refused(tmp_path: Path, recipe: LabelRecipe) -> None:
    np.save(tmp_path / "0_role_activations.npy", np.zeros((4, 8)))
    with pytest.raises(UserError, match=r"0_role_activations\.npy is no annotation"):
        score_annotated(tmp_path, recipe)
    annotate(tmp_path, "0", {"bass": "x.x.x.x."})
    with pytest.raises(UserError, match=r"no audio named 0\.\*.*manifest.csv"):
        score_annotated(tmp_path, recipe)
    (tmp_path / "0.json").write_text('{"segments": "none"}')
    with pytest.raises(UserError, match="no map as rolecall iram --json prints it"):
        score_annotated(tmp_path, recipe)
