import numpy as np
import pytest
from numpy.typing import NDArray

from storage.vocabulary import BpmSource
from tasks.audio.decoding import decode
from tasks.features.mel import mel_power, normalise_level
from tasks.features.mel_config import Matrix
from tasks.rhythm.grid import (
    Grid,
    Tempo,
    estimate_grid,
    numbered_grid,
    stated_grid,
)
from tasks.rhythm.onsets import GRID_MEL
from tests.support.dummies import RATE, TRACKS, Signal, clicks, noise, tone


def power_of(samples: Signal) -> Matrix:
    return normalise_level(mel_power(samples, GRID_MEL))


def estimate(samples: Signal) -> Grid | None:
    return estimate_grid(power_of(samples), GRID_MEL.frame_rate)


@pytest.fixture(scope="module")
def arrangement() -> Signal:
    """A real track, loops arranged at exactly 128 beats per minute, whose first phrase begins with the file."""
    return decode(TRACKS / "loop_arrangement.ogg", RATE).samples


def stated(samples: Signal, bpm: float, source: BpmSource = BpmSource.MANIFEST) -> Grid:
    return stated_grid(power_of(samples), GRID_MEL.frame_rate, Tempo(bpm, source, 0.9))


def at_speed(samples: Signal, speed: NDArray[np.float64]) -> Signal:
    """Samples played at a changing speed, pitch and all."""
    places = np.cumsum(
        np.resize(speed, len(samples))
        if speed.size == 1
        else np.interp(np.arange(len(samples)), np.linspace(0, len(samples), len(speed)), speed)
    )
    inside = places[places < len(samples) - 1]
    return np.interp(inside, np.arange(len(samples)), samples).astype(np.float32)


@pytest.mark.parametrize("name", ["jousboxx_buzzer_beater.ogg", "loop_arrangement.ogg"])
def test_the_tempo_of_a_real_track_is_found_within_a_tenth(name: str) -> None:
    grid = estimate(decode(TRACKS / name, RATE).samples)
    assert grid is not None
    assert grid.tempo.bpm == pytest.approx(128, abs=0.1)
    assert grid.tempo.source is BpmSource.ESTIMATE


def test_a_fast_real_track_is_found_in_one_octave_and_the_other_is_named() -> None:
    grid = estimate(decode(TRACKS / "dirtylove.ogg", RATE).samples)
    assert grid is not None
    assert any(grid.tempo.bpm == pytest.approx(bpm, abs=0.2) for bpm in (177, 88.5))
    assert grid.tempo.alternative in (grid.tempo.bpm / 2, grid.tempo.bpm * 2)


@pytest.mark.parametrize("seconds", [0.5, 5.0, 40.0])
@pytest.mark.parametrize("seed", range(3))
def test_noise_has_no_grid(seconds: float, seed: int) -> None:
    assert estimate(noise(seconds, seed=seed)) is None


@pytest.mark.parametrize("hz", [55.0, 440.0, 441.3])
def test_a_sine_has_no_grid(hz: float) -> None:
    assert estimate(tone(40.0, hz)) is None


@pytest.mark.parametrize("bpm", [96.0, 110.0, 126.3, 140.0, 174.0])
@pytest.mark.parametrize("first_downbeat_s", [0.0, 0.3])
def test_a_click_trains_tempo_and_first_downbeat_are_found(bpm: float, first_downbeat_s: float) -> None:
    grid = estimate(clicks(bpm, 60.0, first_downbeat_s))
    assert grid is not None
    assert any(grid.tempo.bpm == pytest.approx(octave, abs=0.01) for octave in (bpm, bpm / 2))
    late = (grid.first_downbeat_s - first_downbeat_s) % grid.bar_s
    assert min(late, grid.bar_s - late) < 0.04


def test_a_confidence_lies_between_nothing_and_certainty() -> None:
    grid = estimate(clicks(126, 60.0))
    assert grid is not None
    assert 0 < grid.tempo.confidence < 1


def test_a_bar_is_four_beats() -> None:
    assert Grid(Tempo(120.0, BpmSource.MANIFEST, 1.0), 0.0).bar_s == 2.0


def test_a_grid_begins_with_the_first_phrase_of_a_real_track(arrangement: Signal) -> None:
    grid = estimate(arrangement)
    assert grid is not None
    assert (grid.tempo.bpm, grid.tempo.alternative) == (128.0, 64.0)
    assert grid.first_downbeat_s == pytest.approx(0, abs=0.03)
    assert grid.tempo.confidence > 0.7


@pytest.mark.parametrize("silence_s", [0.31, 2.7])
def test_silence_at_the_front_moves_the_grid_with_the_music(arrangement: Signal, silence_s: float) -> None:
    grid = estimate(np.concatenate([np.zeros(round(silence_s * RATE), np.float32), arrangement]))
    assert grid is not None
    assert grid.first_downbeat_s == pytest.approx(silence_s, abs=0.03)


@pytest.mark.parametrize("beats", [1, 2, 4])
def test_a_pickup_lies_before_the_first_downbeat(arrangement: Signal, beats: int) -> None:
    beat = 60 / 128 * RATE
    pickup = arrangement[round((16 - beats) * beat) : round(16 * beat)]
    grid = estimate(np.concatenate([pickup, arrangement]))
    assert grid is not None
    assert grid.first_downbeat_s == pytest.approx(beats * 60 / 128, abs=0.03)


@pytest.mark.parametrize("beats", [3, 5.5, 9.5, 21, 70.5])
def test_a_track_cut_in_the_middle_of_a_phrase_begins_its_grid_with_the_next(arrangement: Signal, beats: float) -> None:
    beat_s = 60 / 128
    grid = estimate(arrangement[round(beats * beat_s * RATE) :])
    assert grid is not None
    assert grid.first_downbeat_s == pytest.approx((-beats) % 16 * beat_s, abs=0.03)


def test_music_that_comes_in_half_way_through_a_phrase_after_a_rest_is_taken_to_begin_one(arrangement: Signal) -> None:
    beat_s = 60 / 128
    grid = estimate(arrangement[round(6.5 * beat_s * RATE) :])
    assert grid is not None
    assert grid.first_downbeat_s == pytest.approx(1.5 * beat_s, abs=0.03)


def test_a_track_that_changes_its_tempo_has_no_grid(arrangement: Signal) -> None:
    half = arrangement[: 60 * RATE]
    assert estimate(half) is not None
    assert estimate(np.concatenate([half, at_speed(half, np.array([1.09]))])) is None


def test_three_minutes_of_swelling_pads_have_no_grid() -> None:
    pads = 0.01 * noise(180.0)
    rng = np.random.default_rng(3)
    for note in rng.choice([0, 7, 12, 15, 19, 24], 30):
        pad = tone(float(rng.uniform(10, 40)), 55 * 2 ** (note / 12))
        start = int(rng.integers(0, len(pads) - len(pad)))
        pads[start : start + len(pad)] += 0.1 * pad * np.hanning(len(pad)).astype(np.float32)
    assert estimate(pads) is None


@pytest.mark.parametrize("bpm", [64.0, 256.0])
def test_half_or_double_a_tempo_is_taken_as_stated(arrangement: Signal, bpm: float) -> None:
    grid = stated(arrangement, bpm)
    assert (grid.tempo.bpm, grid.tempo.confidence) == (bpm, 0.9)
    assert grid.first_downbeat_s % (60 / 64) == pytest.approx(0, abs=0.03)


def test_a_stated_tempo_that_the_track_does_not_run_at_is_kept_and_little_trusted(arrangement: Signal) -> None:
    grid = stated(arrangement, 129.28)
    assert (grid.tempo.bpm, grid.tempo.source) == (129.28, BpmSource.MANIFEST)
    assert grid.tempo.confidence < 0.5
    assert grid.tempo.alternative == pytest.approx(128, abs=0.01)


def test_a_whole_number_in_a_tag_gets_the_decimals_of_the_track(arrangement: Signal) -> None:
    slower = at_speed(arrangement, np.array([0.997]))
    assert stated(slower, 128, BpmSource.TAG).tempo.bpm == pytest.approx(128 * 0.997, abs=0.01)
    assert stated(slower, 128, BpmSource.MANIFEST).tempo.bpm == 128
    assert stated(arrangement, 128, BpmSource.TAG).tempo.bpm == 128


def test_a_stated_tempo_without_a_beat_starts_with_the_file() -> None:
    assert stated(noise(40.0), 120.0) == Grid(Tempo(120.0, BpmSource.MANIFEST, 0.9), 0.0)


@pytest.mark.parametrize("number", [101.0, 106.0, 182.0, 61.0])
def test_a_number_in_a_name_loses_against_a_track_that_is_sure_of_another_tempo(
    arrangement: Signal, number: float
) -> None:
    grid = numbered_grid(power_of(arrangement), GRID_MEL.frame_rate, number)
    assert (grid.tempo.bpm, grid.tempo.source) == (128.0, BpmSource.ESTIMATE)


@pytest.mark.parametrize("number", [128.0, 64.0])
def test_a_number_in_a_name_wins_where_the_track_runs_at_it_or_at_half_or_double(
    arrangement: Signal, number: float
) -> None:
    grid = numbered_grid(power_of(arrangement), GRID_MEL.frame_rate, number)
    assert grid.tempo == Tempo(number, BpmSource.FILENAME, 0.9)


def test_a_number_in_a_name_stands_where_the_sound_says_nothing() -> None:
    grid = numbered_grid(power_of(noise(40.0)), GRID_MEL.frame_rate, 101.0)
    assert grid == Grid(Tempo(101.0, BpmSource.FILENAME, 0.9), 0.0)
