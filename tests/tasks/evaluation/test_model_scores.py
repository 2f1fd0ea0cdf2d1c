from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.models import BUNDLED, ModelStore, StoredModel
from storage.paths import path_text
from storage.vocabulary import Kind
from tasks.audio.degradations import DEGRADATIONS, Degradation
from tasks.evaluation.excerpts import Excerpt
from tasks.evaluation.model_scores import evaluate_model, gather, held_out, rows_of
from tasks.evaluation.reports import write_report
from tasks.features.mel_config import MelConfig
from tasks.labelling.analysis import analyse
from tasks.labelling.request import LabelRequest
from tasks.networks.inference import load_network
from tests.support.dummies import card, clicks, write

GROUPS = {"train": ["seen"], "validation": ["tuned_on"], "test": ["unseen"]}


@pytest.fixture(scope="module")
def bundled() -> StoredModel:
    return ModelStore(BUNDLED).load("default")


def composition(folder: Path, name: str, truth: list[list[float]]) -> Excerpt:
    audio = write(folder / f"{name}.wav", clicks(120, 8.0 * len(truth)))
    return Excerpt(name, name, audio, Kind.TRACK, 120.0, np.array(truth, np.float32))


def test_pieces_on_other_sides_are_left_out_and_named() -> None:
    pieces = [
        Excerpt(name, name, Path(name), Kind.TRACK, 120.0, np.zeros((1, 6), np.float32))
        for name in ("seen", "tuned_on", "unseen", "never_heard_of")
    ]
    for split, chosen in (("test", ["unseen", "never_heard_of"]), ("train", ["seen"]), ("validation", ["tuned_on"])):
        kept, left_out = held_out(pieces, card(groups=GROUPS), split)
        assert [one.name for one in kept] == chosen
        assert set(left_out) == {"seen", "tuned_on", "unseen", "never_heard_of"} - set(chosen)


def test_a_report_scores_only_what_is_known_and_says_what_degradations_do(tmp_path: Path, bundled: StoredModel) -> None:
    pieces = [
        composition(tmp_path, "a", [[0, 1, 0, 0, 0, -1], [1, 1, -1, 0, 0, -1]]),
        composition(tmp_path, "b", [[0, 1, 0, 0, 0, -1]]),
    ]
    rows = rows_of(pieces, ["c"], MelConfig(**bundled.card.mel))
    result = evaluate_model(rows, load_network(bundled.weights, bundled.card), bundled.card, robustness=True)
    assert (result.taken, result.left_out) == (["a", "b"], ["c"])
    assert result.scores["segments"] == 3
    assert {role: score["segments"] for role, score in result.scores["roles"].items()} == {
        "bass": 3, "percussion": 3, "fx": 2, "melody": 3, "chords": 3, "vocal": 0,
    }  # fmt: skip
    assert result.scores["roles"]["percussion"]["prevalence"] == 1.0
    assert result.scores["roles"]["vocal"]["pr_auc"] is None
    assert [row["after"] for row in result.robustness] == ["nothing", *(change.name for change in DEGRADATIONS)]
    assert all(row["same_labels"] > 0.5 for row in result.robustness)
    page = write_report(tmp_path / "report.md", bundled.card, result).read_text()
    assert "## After damage" in page
    assert "| bass | 3 |" in page
    assert {path.name for path in tmp_path.glob("*.png")} == {"report-reliability.png", "report-confusion.png"}


def test_a_segment_of_truth_beyond_the_end_of_the_audio_is_not_scored_and_more_are_refused(tmp_path: Path) -> None:
    piece = composition(tmp_path, "a", [[0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]])
    longer = replace(piece, labels=np.tile(piece.labels[:1], (3, 1)))
    assert len(rows_of([longer], [], MelConfig()).labels) == 2
    too_long = replace(piece, labels=np.tile(piece.labels, (2, 1)))
    with pytest.raises(
        UserError, match=r"a\.wav: malformed: its truth has 4 lines; its audio has 2 segments of 4 bars"
    ):
        rows_of([too_long], [], MelConfig())


def test_audio_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    piece = composition(tmp_path, "a", [[0, 1, 0, 0, 0, 0]])
    piece.audio.unlink()
    with pytest.raises(UserError, match=r"a\.wav: vanished: no such file; leave it out or replace it"):
        rows_of([piece], [], MelConfig())


def test_loops_of_a_manifest_are_scored_by_their_groups(tmp_path: Path, bundled: StoredModel) -> None:
    write(tmp_path / "one.wav", clicks(120, 8.0))
    write(tmp_path / "two.wav", clicks(120, 16.0))
    lines = ["path,roles,bpm,group", "one.wav,percussion,120,left", "two.wav,bass;fx,120,right", "three.wav,,120,bare"]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    rows = gather(str(tmp_path), DatasetStore(tmp_path), bundled.card, "test")
    assert rows.groups == ["left", "right", "right"]
    np.testing.assert_array_equal(rows.labels, [[0, 1, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0], [1, 0, 1, 0, 0, 0]])
    only = gather(str(tmp_path), DatasetStore(tmp_path), bundled.card, "test", ["ri*", "nobody"])
    assert only.groups == ["right", "right"]
    with pytest.raises(UserError, match=r"in groups like nobody\* is on the test side"):
        gather(str(tmp_path), DatasetStore(tmp_path), bundled.card, "test", ["nobody*"])
    with pytest.raises(UserError, match="name a folder"):
        gather("loops", DatasetStore(tmp_path), bundled.card, "test", ["ri*"])


def test_one_shots_of_a_manifest_are_scored_as_they_are_labelled(tmp_path: Path, bundled: StoredModel) -> None:
    sound = write(tmp_path / "hit.wav", clicks(120, 0.75))
    (tmp_path / "manifest.csv").write_text("path,roles,kind,group\nhit.wav,percussion,oneshot,box\n")
    rows = gather(str(tmp_path), DatasetStore(tmp_path), bundled.card, "test")
    request = LabelRequest("1", path_text(sound), kind=Kind.ONESHOT)
    np.testing.assert_allclose(rows.mels, analyse(request, MelConfig(**bundled.card.mel)).mels, atol=1e-3)


@pytest.mark.parametrize("degradation", DEGRADATIONS, ids=lambda degradation: degradation.name)
def test_a_degradation_changes_the_sound_but_not_its_length_beyond_its_speed(degradation: Degradation) -> None:
    samples = clicks(120, 2.0).astype(np.float32)
    changed = degradation.change(samples, 16_000)
    assert changed.dtype == np.float32
    assert len(changed) == pytest.approx(len(samples) / degradation.speed, abs=2)
    assert np.isfinite(changed).all()
    assert not np.array_equal(changed[:100], samples[:100]) or degradation.speed != 1
