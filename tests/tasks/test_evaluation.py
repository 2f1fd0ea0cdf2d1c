from pathlib import Path

import numpy as np
import pytest

from storage.models import BUNDLED, ModelStore, StoredModel
from tasks.compositions import Composition
from tasks.evaluation import held_out, score_compositions
from tasks.inference import load_network
from tests.dummies import card, clicks, write

GROUPS = {"train": ["seen"], "validation": ["tuned_on"], "test": ["unseen"]}


@pytest.fixture(scope="module")
def bundled() -> StoredModel:
    return ModelStore(BUNDLED).load("default")


def composition(folder: Path, name: str, truth: list[list[float]]) -> Composition:
    audio = write(folder / f"{name}.wav", clicks(120, 8.0 * len(truth)))
    return Composition(name, audio, 120.0, np.array(truth, np.float32), 60.0)


def test_compositions_on_other_sides_are_left_out_and_named() -> None:
    compositions = [
        Composition(name, Path(name), 120.0, np.zeros((1, 6), np.float32), 8.0)
        for name in ("seen", "tuned_on", "unseen", "never_heard_of")
    ]
    for split, chosen in (("test", ["unseen", "never_heard_of"]), ("train", ["seen"]), ("validation", ["tuned_on"])):
        kept, left_out = held_out(compositions, card(groups=GROUPS), split)
        assert [one.name for one in kept] == chosen
        assert set(left_out) == {"seen", "tuned_on", "unseen", "never_heard_of"} - set(chosen)


def test_unknown_cells_of_the_truth_are_not_scored(tmp_path: Path, bundled: StoredModel) -> None:
    network = load_network(bundled.weights, bundled.card)
    pieces = [
        composition(tmp_path, "a", [[0, 1, 0, 0, 0, -1], [1, 1, -1, 0, 0, -1]]),
        composition(tmp_path, "b", [[0, 1, 0, 0, 0, -1]]),
    ]
    result = score_compositions(pieces, ["c"], network, bundled.card)
    assert (result.compositions, result.left_out) == (["a", "b"], ["c"])
    assert result.scores["segments"] == 3
    assert {role: score["segments"] for role, score in result.scores["roles"].items()} == {
        "bass": 3, "percussion": 3, "fx": 2, "melody": 3, "chords": 3, "vocal": 0,
    }  # fmt: skip
    assert result.scores["roles"]["percussion"]["prevalence"] == 1.0
    assert result.scores["roles"]["vocal"]["pr_auc"] is None


def test_truth_beyond_the_end_of_the_audio_is_not_scored(tmp_path: Path, bundled: StoredModel) -> None:
    piece = composition(tmp_path, "a", [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]])
    longer = Composition(piece.name, piece.audio, piece.bpm, np.tile(piece.truth, (2, 1)), piece.duration_s)
    network = load_network(bundled.weights, bundled.card)
    assert score_compositions([longer], [], network, bundled.card).scores["segments"] == 2
