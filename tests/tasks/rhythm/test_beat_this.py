"""Beats by a network: what it is given, where its answers are put, and what becomes of them."""

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from storage.errors import UserError
from tasks.audio.decoding import Samples, decode
from tasks.features.mel import mel_power, normalise_level
from tasks.features.mel_config import Matrix
from tasks.rhythm.beat_this import (
    RATE,
    BeatActivations,
    beat_activations,
    beat_spectrogram,
    beat_this_grid,
    grid_from_beats,
    load_beat_network,
)
from tasks.rhythm.grid import Grid
from tasks.rhythm.onsets import GRID_MEL
from tests.support.checkpoints import beat_checkpoint

FRAMES_PER_S = 50
BPM = 128.0


class Echo(nn.Module):
    """Answers with what it was given: two of its bands."""

    def forward(self, spectrogram: Tensor) -> dict[str, Tensor]:
        return {"beat": spectrogram[..., 20], "downbeat": spectrogram[..., 60]}


@pytest.fixture(scope="module")
def arrangement(music: Path) -> Matrix:
    """Mel power of the bundled arrangement: 128 BPM, its first bar line at 0."""
    samples = decode(music / "tracks" / "loop_arrangement.ogg", GRID_MEL.sample_rate).samples
    return normalise_level(mel_power(samples, GRID_MEL))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beat_checkpoint(tmp_path_factory.mktemp("beats") / "random.ckpt")


def noise(seconds: float) -> Samples:
    return np.random.default_rng(1).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def at(first_s: float, every_s: float, duration_s: float, likely: float = 0.9) -> NDArray[np.float64]:
    """Activations of a network that finds something every so often, and nearly nothing else."""
    answers = np.full(round(duration_s * FRAMES_PER_S), 0.02)
    answers[np.rint(np.arange(first_s, duration_s - 0.1, every_s) * FRAMES_PER_S).astype(int)] = likely
    return answers


def activations(power: Matrix, bpm: float, first_beat_s: float = 0, first_line_s: float = 0) -> BeatActivations:
    """Activations with beats at a tempo, every fourth of them a bar line."""
    duration_s = len(power) / GRID_MEL.frame_rate
    return BeatActivations(at(first_beat_s, 60 / bpm, duration_s), at(first_line_s, 240 / bpm, duration_s))


def grid_of(power: Matrix, answers: BeatActivations) -> Grid | None:
    return grid_from_beats(power, GRID_MEL.frame_rate, answers)


def test_the_network_is_given_the_logarithm_of_mel_magnitude_as_librosa_computes_it() -> None:
    samples = noise(3)
    spectra = np.abs(librosa.stft(samples, n_fft=1024, hop_length=441, pad_mode="reflect")) / np.sqrt(1024)
    mel = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128, fmin=30, fmax=11_000, norm=None)
    expected = np.log1p(1000 * mel @ spectra).T
    for first, end in ((0, len(expected)), (0, 20), (31, 90), (100, len(expected))):
        np.testing.assert_allclose(beat_spectrogram(samples, first, end).numpy(), expected[first:end], atol=1e-3)


@pytest.mark.parametrize("seconds", [0.25, 1, 29.5, 29.76, 30, 95])
def test_every_frame_of_a_file_is_answered_once_and_in_its_place(seconds: float) -> None:
    samples = noise(seconds)
    given = torch.sigmoid(beat_spectrogram(samples, 0, 1 + len(samples) // 441)).numpy()
    answers = beat_activations(samples, Echo())
    np.testing.assert_allclose(answers.beats, given[:, 20], atol=1e-5)
    np.testing.assert_allclose(answers.downbeats, given[:, 60], atol=1e-5)


@pytest.mark.parametrize("bpm", [BPM / 2, BPM, 2 * BPM])
def test_the_octave_is_the_networks_and_the_decimals_those_of_the_onsets(arrangement: Matrix, bpm: float) -> None:
    grid = grid_of(arrangement, activations(arrangement, bpm))
    assert grid is not None
    assert grid.tempo.bpm == pytest.approx(bpm, abs=0.02)


@pytest.mark.parametrize("late_s", [0, 0.02])
def test_which_of_its_bar_lines_begins_a_phrase_is_decided_by_the_sound_though_beats_are_a_little_late(
    arrangement: Matrix, late_s: float
) -> None:
    cut = round(5.3 * 60 / BPM * GRID_MEL.frame_rate)
    cut_s = cut / GRID_MEL.frame_rate
    bar_s, phrase_s = 240 / BPM, 960 / BPM
    answers = activations(arrangement[cut:], BPM, -cut_s % (60 / BPM) + late_s, -cut_s % bar_s + late_s)
    grid = grid_of(arrangement[cut:], answers)
    assert grid is not None
    assert grid.first_downbeat_s == pytest.approx(-cut_s % phrase_s, abs=0.03)


@pytest.mark.parametrize("beats", [1, 2, 3])
def test_the_bar_line_is_the_networks(arrangement: Matrix, beats: int) -> None:
    late_s = beats * 60 / BPM
    grid = grid_of(arrangement, activations(arrangement, BPM, 0, late_s))
    assert grid is not None
    bars = (grid.first_downbeat_s - late_s) / grid.bar_s
    assert bars == pytest.approx(round(bars), abs=0.02)


@pytest.mark.parametrize(
    ("beats_apart", "beats_late", "likely"), [(4, 0, 0.02), (4, 0, 0.1), (3, 0, 0.9), (1, 0, 0.9), (4, 0.5, 0.9)]
)
def test_without_one_clear_bar_line_in_four_beats_there_is_no_grid(
    arrangement: Matrix, beats_apart: float, beats_late: float, likely: float
) -> None:
    beats = activations(arrangement, BPM).beats
    downbeats = at(beats_late * 60 / BPM, beats_apart * 60 / BPM, len(beats) / FRAMES_PER_S, likely)
    assert grid_of(arrangement, BeatActivations(beats, downbeats)) is None


def test_beats_that_do_not_fall_in_with_the_pulse_make_no_grid(arrangement: Matrix) -> None:
    faint = at(0, 60 / BPM, len(arrangement) / GRID_MEL.frame_rate, likely=0.1)
    for answers in (activations(arrangement, 97.3), BeatActivations(faint, activations(arrangement, BPM).downbeats)):
        assert grid_of(arrangement, answers) is None


def test_less_than_half_a_minute_makes_no_grid(arrangement: Matrix) -> None:
    frames = round(30 * GRID_MEL.frame_rate)
    assert grid_of(arrangement[: frames + 1], activations(arrangement[: frames + 1], BPM)) is not None
    assert grid_of(arrangement[: frames - 1], activations(arrangement[: frames - 1], BPM)) is None


def test_a_track_that_changes_its_tempo_makes_no_grid(arrangement: Matrix) -> None:
    half = len(arrangement) // 2
    faster = arrangement[np.linspace(0, half, round(half / 1.09)).astype(int)]
    both = np.concatenate([arrangement[:half], faster])
    assert grid_of(arrangement[:half], activations(arrangement[:half], BPM)) is not None
    assert grid_of(both, activations(both, BPM)) is None


def test_a_sound_without_a_beat_makes_no_grid() -> None:
    silence = np.zeros((3000, GRID_MEL.mels), np.float32)
    assert grid_of(silence, activations(silence, BPM)) is None


def test_a_checkpoint_as_published_is_the_network_that_it_was(checkpoint: Path, music: Path) -> None:
    network = load_beat_network(checkpoint)
    stored = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(value, stored[f"model.{name}"]) for name, value in network.state_dict().items())
    answers = beat_activations(noise(2), network)
    assert answers.beats.shape == answers.downbeats.shape == (101,)
    assert beat_this_grid(music / "loops" / "loop_amen_full_140bpm.ogg", network) is None


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("not weights\n")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.ckpt")
    for name, words in (("none.ckpt", "cannot be read"), ("text.ckpt", "is no checkpoint"), ("other.ckpt", "is no")):
        with pytest.raises(UserError, match=words) as refused:
            load_beat_network(tmp_path / name)
        assert "\n" not in str(refused.value)


def test_without_the_package_one_is_told_how_to_get_it(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "beat_this.model.beat_tracker", None)
    with pytest.raises(UserError, match=r"pip install 'rolecall\[beats\]'"):
        load_beat_network(checkpoint)
