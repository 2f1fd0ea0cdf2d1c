from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.datasets.plan import Mix, Voice
from storage.loops.table import Loop
from storage.vocabulary import ROLES, Kind
from tasks.audio.decoding import AudioError, Samples
from tasks.audio.loudness import loudness
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.rendering import mix_features, render_features, repeat_loop
from tasks.datasets.rendering import render_mix as render_with
from tasks.features.mel_config import MelConfig
from tasks.labelling.analysis import analyse
from tasks.labelling.request import LabelRequest
from tests.support.dummies import LOOPS, RATE, clicks, loop, mix, tone, write

CONFIG = MelConfig()
REAL = {
    "drums": loop(1, path=str(LOOPS / "loop_amen_full_140bpm.ogg"), roles=("percussion",), bpm=140.0),
    "drone": loop(2, path=str(LOOPS / "loop_drone_g_97.ogg"), roles=("chords",), bpm=97.0),
    "bass": loop(3, path=str(LOOPS / "dirtylove_bass_bar041_177bpm.ogg"), roles=("bass",), bpm=177.0),
}
DRUMS = Voice("drums", "percussion", 1.0, 0, 0.0)
DRONE = Voice("drone", "chords", 1.1, -2, 3.0)
BASS = Voice("bass", "bass", 0.9, 3, -6.0)


def render_mix(row: Mix, loops: Mapping[str, Loop], rate: int) -> Samples:
    return render_with(row, loops, rate, StretchedLoops())


@pytest.fixture
def steady(tmp_path: Path) -> dict[str, Loop]:
    """Four bars of a sine at 120 beats per minute."""
    return {"sine": loop(path=str(write(tmp_path / "sine.wav", tone(8.0, 400))))}


def test_the_same_row_gives_the_same_bytes_twice() -> None:
    row = mix(DRUMS, DRONE, BASS, bpm=150.0)
    assert render_mix(row, REAL, RATE).tobytes() == render_mix(row, REAL, RATE).tobytes()


def test_the_features_of_a_row_do_not_depend_on_its_neighbours() -> None:
    rows = [mix(DRUMS), mix(DRONE, BASS), mix(BASS)]
    _, together = render_features(rows, REAL, CONFIG)
    for place, row in enumerate(rows):
        assert render_features([row], REAL, CONFIG)[1].tobytes() == together[place].tobytes()


@pytest.mark.parametrize("bpm", [70.0, 97.0, 126.5, 180.0])
def test_a_mix_is_four_bars_long_and_peaks_under_full_scale(bpm: float) -> None:
    samples = render_mix(mix(DRUMS, DRONE, BASS, bpm=bpm), REAL, RATE)
    assert samples.dtype == np.float32
    assert len(samples) == round(16 * 60 / bpm * RATE)
    assert 0 < np.abs(samples).max() < 1


@pytest.mark.parametrize("gain_db", [-6.0, 0.0, 6.0])
@pytest.mark.parametrize(("speed", "semitones"), [(1.0, 0), (1.12, 0), (0.9, 3), (1.0, -3)])
def test_a_voice_has_the_level_that_its_gain_says_however_it_is_stretched(
    gain_db: float, speed: float, semitones: int
) -> None:
    plain, voice = (
        render_mix(mix(Voice("drone", "chords", *how), bpm=106.7), REAL, RATE)
        for how in ((1.0, 0, 0.0), (speed, semitones, gain_db))
    )
    assert loudness(voice, RATE) - loudness(plain, RATE) == pytest.approx(gain_db, abs=0.15)


@pytest.mark.parametrize("semitones", [-3, 0, 2])
@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1])
def test_a_voice_is_transposed_by_its_semitones_and_by_nothing_else(
    steady: dict[str, Loop], speed: float, semitones: int
) -> None:
    samples = render_mix(mix(Voice("sine", "bass", speed, semitones, 0.0), bpm=120 * speed), steady, RATE)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18))
    assert np.argmax(spectrum) * RATE / (1 << 18) == pytest.approx(400 * 2 ** (semitones / 12), rel=0.003)


def test_a_stretched_loop_lands_on_the_beats_of_the_mix(tmp_path: Path) -> None:
    loops = {"clicks": loop(path=str(write(tmp_path / "clicks.wav", clicks(120, 8.0))))}
    samples = render_mix(mix(Voice("clicks", "fx", 1.1, 0, 0.0), bpm=132.0), loops, RATE)
    beat = 60 / 132 * RATE
    loud = np.flatnonzero(np.abs(samples) > 0.3 * np.abs(samples).max())
    nearest = np.abs(loud / beat - np.round(loud / beat)) * beat / RATE
    assert np.median(nearest) < 0.03


def test_a_short_loop_repeats_and_a_long_one_is_cut(tmp_path: Path) -> None:
    loops = {
        "bar": loop(4, path=str(write(tmp_path / "bar.wav", clicks(120, 2.0)))),
        "long": loop(5, path=str(write(tmp_path / "long.wav", clicks(120, 30.0)))),
    }
    one = render_mix(mix(Voice("bar", "fx", 1.0, 0, 0.0)), loops, RATE)
    np.testing.assert_array_equal(one[: 2 * RATE], one[6 * RATE :])
    assert len(render_mix(mix(Voice("long", "fx", 1.0, 0, 0.0)), loops, RATE)) == 8 * RATE


@pytest.mark.parametrize("length", [2.0, 1.99, 2.00005, 2.1])
def test_a_loop_that_was_cut_in_the_middle_of_a_sound_goes_round_without_a_click(length: float) -> None:
    sustained = np.cos(2 * np.pi * 437.3 * np.arange(round(length * RATE)) / RATE).astype(np.float32)
    repeated = repeat_loop(sustained, DRONE, RATE / 2, 8 * RATE, RATE)
    steps = np.abs(np.diff(repeated))
    assert steps.max() < 1.5 * np.abs(np.diff(sustained)).max()


def test_a_loop_that_goes_round_by_itself_changes_by_less_than_one_of_its_own_steps() -> None:
    seamless = np.sin(2 * np.pi * 400 * np.arange(2 * RATE + 1) / RATE).astype(np.float32)[:-1]
    repeated = repeat_loop(seamless, replace(DRONE, offset_beats=0), RATE / 2, 4 * RATE, RATE)
    np.testing.assert_allclose(repeated, np.tile(seamless, 2), atol=np.abs(np.diff(seamless)).max())
    np.testing.assert_array_equal(repeated[: 2 * RATE - 80], seamless[:-80])


def test_a_one_shot_has_the_features_by_which_it_is_labelled(tmp_path: Path) -> None:
    path = write(tmp_path / "hit.wav", tone(0.3, 80) * np.linspace(1, 0, len(tone(0.3, 80)), dtype=np.float32) ** 2)
    hit = loop(5, path=str(path), roles=("bass",), flags=("oneshot",), duration_s=0.3, bpm=None)
    row = mix(Voice("hit", "bass", 1.0, 0, 0.0), mix_id="oneshot-hit")
    _, rendered = render_features([row], {"hit": hit}, CONFIG)
    asked = analyse(LabelRequest("a", str(path), kind=Kind.ONESHOT), CONFIG)
    assert asked.kind is Kind.ONESHOT
    assert np.abs(rendered[0].astype(np.float32) - asked.mels[0].astype(np.float32)).max() < 0.02


def test_labels_are_the_roles_of_the_mix_and_features_are_finite() -> None:
    unsure = replace(mix(DRONE), unknown_roles=("vocal",))
    labels, mels = render_features([mix(DRUMS, BASS), unsure], REAL, CONFIG)
    assert [dict(zip(ROLES, row.tolist(), strict=True)) for row in labels] == [
        {"bass": 1, "percussion": 1, "fx": 0, "melody": 0, "chords": 0, "vocal": 0},
        {"bass": 0, "percussion": 0, "fx": 0, "melody": 0, "chords": 1, "vocal": -1},
    ]
    assert mels.shape == (2, CONFIG.frames_per_segment, CONFIG.mels)
    assert np.isfinite(mels).all()


def test_features_do_not_depend_on_gain() -> None:
    samples = render_mix(mix(DRUMS), REAL, RATE)
    np.testing.assert_allclose(
        mix_features(samples, 120.0, CONFIG), mix_features(samples * np.float32(0.2), 120.0, CONFIG), atol=1e-3
    )


def test_a_loop_that_cannot_be_decoded_stops_the_rendering() -> None:
    row: Mix = mix(Voice("gone", "bass", 1.0, 0, 0.0))
    with pytest.raises(AudioError, match="no such file"):
        render_features([row], {"gone": loop()}, CONFIG)
