"""Beats by a network: what it is given, where its answers are put, and what becomes of them."""

import sys
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from storage.errors import UserError
from tasks.audio import Samples, decode
from tasks.beats import RATE, HeardBeats, beat_spectrogram, grid_from_beats, hear_beats, hear_grid, load_beat_network
from tasks.mel import Matrix, mel_power, normalise_level
from tasks.onsets import GRID_MEL
from tests.checkpoints import beat_checkpoint

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


def heard(power: Matrix, bpm: float, first_beat_s: float, first_line_s: float, surely: float = 0.9) -> HeardBeats:
    """As if a network had heard beats of a tempo, and every fourth of them as a bar line."""
    duration_s = len(power) / GRID_MEL.frame_rate

    def peaks(first_s: float, every_s: float) -> np.ndarray:
        likely = np.full(round(duration_s * FRAMES_PER_S), 0.02)
        likely[np.rint(np.arange(first_s, duration_s - 0.1, every_s) * FRAMES_PER_S).astype(int)] = surely
        return likely

    return HeardBeats(peaks(first_beat_s, 60 / bpm), peaks(first_line_s, 240 / bpm))


def test_the_network_is_given_the_logarithm_of_mel_magnitude_as_librosa_computes_it() -> None:
    samples = noise(3)
    spectra = np.abs(librosa.stft(samples, n_fft=1024, hop_length=441, pad_mode="reflect")) / np.sqrt(1024)
    mel = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128, fmin=30, fmax=11_000, norm=None)
    np.testing.assert_allclose(beat_spectrogram(samples).numpy(), np.log1p(1000 * mel @ spectra).T, atol=1e-3)


@pytest.mark.parametrize("seconds", [0.01, 1, 29.5, 30, 95])
def test_every_frame_of_a_file_is_answered_once_and_in_its_place(seconds: float) -> None:
    samples = noise(seconds)
    answers, given = hear_beats(samples, Echo()), torch.sigmoid(beat_spectrogram(samples)).numpy()
    np.testing.assert_allclose(answers.beats, given[:, 20], atol=1e-6)
    np.testing.assert_allclose(answers.downbeats, given[:, 60], atol=1e-6)


def test_the_octave_is_the_networks_and_the_decimals_those_of_the_onsets(arrangement: Matrix) -> None:
    for bpm in (BPM / 2, BPM):
        grid = grid_from_beats(arrangement, GRID_MEL.frame_rate, heard(arrangement, bpm, 0, 0))
        assert grid is not None
        assert grid.tempo.bpm == pytest.approx(bpm, abs=0.01)


@pytest.mark.parametrize("beats_late", [0, 1, 2, 3])
def test_the_bar_line_is_the_networks_and_which_of_four_is_told_by_the_changes_of_the_sound(
    arrangement: Matrix, beats_late: int
) -> None:
    late_s = beats_late * 60 / BPM
    grid = grid_from_beats(arrangement, GRID_MEL.frame_rate, heard(arrangement, BPM, 0, late_s))
    assert grid is not None
    bars = (grid.first_downbeat_s - late_s) / grid.bar_s
    assert bars == pytest.approx(round(bars), abs=0.02)
    if not beats_late:
        assert grid.first_downbeat_s == pytest.approx(0, abs=0.03)


def test_beats_that_do_not_fall_in_with_the_pulse_make_no_grid(arrangement: Matrix) -> None:
    for answers in (heard(arrangement, 97.3, 0, 0), heard(arrangement, BPM, 0, 0, surely=0.1)):
        assert grid_from_beats(arrangement, GRID_MEL.frame_rate, answers) is None


def test_a_sound_without_a_beat_makes_no_grid() -> None:
    silence = np.zeros((2000, GRID_MEL.mels), np.float32)
    assert grid_from_beats(silence, GRID_MEL.frame_rate, heard(silence, BPM, 0, 0)) is None


def test_a_checkpoint_as_published_is_the_network_that_it_was(checkpoint: Path, music: Path) -> None:
    network = load_beat_network(checkpoint)
    stored = torch.load(checkpoint, weights_only=True)["state_dict"]
    assert all(torch.equal(value, stored[f"model.{name}"]) for name, value in network.state_dict().items())
    answers = hear_beats(noise(2), network)
    assert answers.beats.shape == answers.downbeats.shape == (101,)
    assert hear_grid(music / "loops" / "loop_amen_full_140bpm.ogg", network) is None


def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("not weights\n")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.ckpt")
    for name, words in (("none.ckpt", "is not there"), ("text.ckpt", "is no checkpoint"), ("other.ckpt", "is no")):
        with pytest.raises(UserError, match=words) as refused:
            load_beat_network(tmp_path / name)
        assert "\n" not in str(refused.value)


def test_without_the_package_one_is_told_how_to_get_it(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "beat_this.model.beat_tracker", None)
    with pytest.raises(UserError, match=r"pip install 'rolecall\[beats\]'"):
        load_beat_network(checkpoint)
