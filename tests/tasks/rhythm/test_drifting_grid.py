"""Tracks whose tempo drifts slowly have a grid whose bar lines are where the bars are; others have none."""

import numpy as np
import pytest

from storage.vocabulary import BpmSource
from tasks.audio.decoding import decode
from tasks.features.mel import mel_power, normalise_level
from tasks.rhythm.grid import Grid, Tempo, estimate_grid, stated_grid
from tasks.rhythm.onsets import GRID_MEL
from tests.support.drifting import Drifting, Speed, even_change, leap, played_at, swaying
from tests.support.dummies import RATE, TRACKS, Signal, clicks, noise

BPM, DURATION_S = 128.0, 180.0
BARS_S = np.arange(0, DURATION_S, 240 / BPM)
ACCELERANDO = even_change(0.04, DURATION_S)

DRIFTS = pytest.mark.parametrize(
    ("speed", "drift"),
    [
        (even_change(0.02, DURATION_S), 0.02),
        (even_change(-0.02, DURATION_S), 0.02),
        (ACCELERANDO, 0.04),
        (even_change(-0.04, DURATION_S), 0.04),
        (swaying(0.01, 50.0), 0.01),
        (swaying(0.02, 90.0), 0.02),
    ],
)


@pytest.fixture(scope="module")
def arrangement() -> Signal:
    """A real track, loops arranged at exactly 128 beats per minute, whose first phrase begins with the file."""
    return decode(TRACKS / "loop_arrangement.ogg", RATE).samples


def estimate(samples: Signal, bpm_range: tuple[float, float] | None = None) -> Grid | None:
    power = normalise_level(mel_power(samples, GRID_MEL))
    return estimate_grid(power, GRID_MEL.frame_rate, bpm_range)


def drifting_grid(drifting: Drifting) -> Grid:
    grid = estimate(drifting.samples)
    assert grid is not None
    assert grid.lines is not None
    return grid


def late_s(grid: Grid, drifting: Drifting) -> np.ndarray:
    """How late bars 1, 2 and so on of a grid are."""
    return grid.bars.starts_s(1.0 + np.arange(len(BARS_S))) - drifting.at(BARS_S)


@DRIFTS
def test_every_bar_line_of_a_track_that_drifts_is_found_within_30_ms(
    arrangement: Signal, speed: Speed, drift: float
) -> None:
    drifting = played_at(arrangement, speed)
    grid = drifting_grid(drifting)
    assert np.abs(late_s(grid, drifting)).max() < 0.03
    assert grid.first_downbeat_s == grid.bars.start_s(1) == pytest.approx(0, abs=0.03)
    tempi = 240 / np.diff(drifting.at(np.append(BARS_S, DURATION_S)))
    assert grid.tempo.bpm == pytest.approx(np.median(tempi), rel=0.003)
    assert grid.tempo.source is BpmSource.ESTIMATE
    assert grid.drift == pytest.approx(np.abs(tempi / np.median(tempi) - 1).max(), abs=0.004)
    assert grid.drift == pytest.approx(drift, abs=0.005)


def test_silence_before_a_track_that_drifts_moves_its_bars(arrangement: Signal) -> None:
    drifting = played_at(arrangement, ACCELERANDO)
    grid = estimate(np.concatenate([np.zeros(2 * RATE, np.float32), drifting.samples]))
    assert grid is not None
    assert np.abs(late_s(grid, drifting) - 2).max() < 0.03


@pytest.mark.parametrize("bpm", [96.0, 126.3])
def test_clicks_that_drift_are_followed(bpm: float) -> None:
    drifting = played_at(clicks(bpm, 90.0), swaying(0.02, 70.0))
    grid = drifting_grid(drifting)
    beats_s = drifting.at(np.arange(4, 88 * bpm / 60) * 60 / bpm)
    octave = 2.0 ** round(np.log2(grid.tempo.bpm / bpm))
    beats = np.array([grid.bars.passed(beat_s) * 4 / octave for beat_s in beats_s.tolist()])
    assert np.abs(beats - np.round(beats)).max() * 60 / bpm < 0.03


def test_a_range_settles_the_octave_of_a_tempo_that_drifts(arrangement: Signal) -> None:
    drifting = played_at(arrangement, ACCELERANDO)
    grid = estimate(drifting.samples, (50, 90))
    assert grid is not None
    assert grid.tempo.bpm == pytest.approx(BPM / 2, rel=0.003)
    assert grid.tempo.alternative == pytest.approx(BPM, rel=0.003)
    assert grid.drift == pytest.approx(0.04, abs=0.004)
    late = grid.bars.starts_s(1.0 + np.arange(40)) - drifting.at(np.arange(40) * 480 / BPM)
    assert np.abs(late).max() < 0.03


@pytest.mark.parametrize(
    "speed",
    [
        leap(140 / 120, 90.0),
        leap(0.9, 60.0),
        even_change(0.09, DURATION_S),
        swaying(0.07, 60.0),
        swaying(0.05, 9.0),
        swaying(0.03, 5.0),
    ],
    ids=["leap up", "leap down", "18 % faster", "wide sway", "rubato", "quick rubato"],
)
def test_a_tempo_that_leaps_strays_or_is_free_has_no_grid(arrangement: Signal, speed: Speed) -> None:
    assert estimate(played_at(arrangement, speed).samples) is None


@pytest.mark.parametrize("seed", range(3))
def test_noise_that_lasts_has_no_grid(seed: int) -> None:
    assert estimate(noise(120.0, seed=seed)) is None


def test_clicks_at_random_have_no_grid() -> None:
    rng = np.random.default_rng(5)
    samples, click = 1e-3 * noise(120.0), clicks(60.0, 0.1)
    for start_s in np.cumsum(rng.uniform(0.2, 0.8, 220)):
        start = round(start_s * RATE)
        samples[start : start + len(click)] += click[: max(0, len(samples) - start)]
    assert estimate(samples) is None


@pytest.mark.parametrize(
    ("name", "tempo"),
    [
        ("dirtylove.ogg", Tempo(177.0, BpmSource.ESTIMATE, 0.504, 88.5, half_time=False)),
        ("jousboxx_buzzer_beater.ogg", Tempo(128.0, BpmSource.ESTIMATE, 0.921, 64.0, half_time=False)),
        ("loop_arrangement.ogg", Tempo(128.0, BpmSource.ESTIMATE, 0.769, 64.0, half_time=False)),
    ],
)
def test_a_constant_tempo_is_not_taken_for_one_that_drifts(name: str, tempo: Tempo) -> None:
    grid = estimate(decode(TRACKS / name, RATE).samples)
    assert grid == Grid(tempo, 0.0, None)
    assert grid.drift is None


def test_a_stated_tempo_is_constant_whatever_the_file_does(arrangement: Signal) -> None:
    power = normalise_level(mel_power(played_at(arrangement, ACCELERANDO).samples, GRID_MEL))
    grid = stated_grid(power, GRID_MEL.frame_rate, Tempo(128.0, BpmSource.MANIFEST, 1.0))
    assert (grid.tempo.bpm, grid.lines) == (128.0, None)


@pytest.mark.parametrize("bars", [2.0, 3.25])
def test_bars_are_counted_from_a_first_downbeat_that_is_stated(arrangement: Signal, bars: float) -> None:
    drifting = played_at(arrangement, ACCELERANDO)
    grid = drifting_grid(drifting)
    first_s = float(drifting.at(np.array(bars * 240 / BPM)))
    moved = grid.beginning_at(first_s)
    assert moved.first_downbeat_s == first_s
    assert moved.tempo == grid.tempo
    later_s = drifting.at((bars + np.arange(-1, 80)) * 240 / BPM)
    assert moved.bars.starts_s(np.arange(0.0, 81)) == pytest.approx(later_s, abs=0.03)
    assert moved.bars.start_s(1) == pytest.approx(first_s, abs=1e-6)
