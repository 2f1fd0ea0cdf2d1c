import numpy as np
import pytest

from storage.vocabulary import BpmSource
from tasks.features.mel import mel_power, normalise_level
from tasks.rhythm.grid import Grid, Tempo, estimate_grid
from tasks.rhythm.loop_tempo import loop_tempo
from tasks.rhythm.octave import read_octave, slower_reading
from tasks.rhythm.onsets import GRID_MEL, grid_power, onset_envelope
from tests.support.dummies import RATE
from tests.support.grooves import STYLES, groove

SEED = 20_000


def estimated(style: str, bpm: float, seed: int = SEED, bpm_range: tuple[float, float] | None = None) -> Tempo:
    power = normalise_level(mel_power(groove(STYLES[style], bpm, 60.0, seed), GRID_MEL))
    grid: Grid | None = estimate_grid(power, GRID_MEL.frame_rate, bpm_range)
    assert grid is not None
    return grid.tempo


@pytest.mark.parametrize(
    ("style", "bpm"),
    [
        *(("house", 124.0), ("techno", 134.0), ("trance", 138.0), ("pop", 104.0), ("electro", 118.0)),
        *(("drum and bass", 174.0), ("jungle", 165.0), ("trap", 140.0), ("dubstep", 142.0), ("hip hop", 92.0)),
    ],
)
def test_the_tempo_of_a_style_is_the_one_that_its_producers_write(style: str, bpm: float) -> None:
    tempo = estimated(style, bpm)
    assert tempo.bpm == pytest.approx(bpm, abs=0.05)
    assert tempo.alternative == pytest.approx(2 * bpm if bpm < 103 else bpm / 2, abs=0.05)


@pytest.mark.parametrize(("style", "bpm"), [("trap", 140.0), ("dubstep", 142.0), ("drill", 142.0)])
def test_a_backbeat_on_the_third_beat_is_half_time(style: str, bpm: float) -> None:
    assert estimated(style, bpm).half_time is True


@pytest.mark.parametrize(("style", "bpm"), [("house", 124.0), ("techno", 134.0), ("hip hop", 92.0), ("trance", 138.0)])
def test_a_backbeat_on_the_second_and_fourth_beat_is_not_half_time(style: str, bpm: float) -> None:
    assert estimated(style, bpm).half_time is False


@pytest.mark.parametrize("style", ["drum and bass", "hip hop"])
def test_where_both_octaves_are_written_the_tempo_is_not_sure(style: str) -> None:
    bpm = {"drum and bass": 174.0, "hip hop": 88.0}[style]
    assert estimated(style, bpm).confidence < 0.7
    assert estimated("house", 124.0).confidence >= 0.7


@pytest.mark.parametrize(("bpm_range", "expected"), [((60, 119), 62.0), ((90, 180), 124.0), ((200, 400), 248.0)])
def test_a_range_decides_the_octave(bpm_range: tuple[float, float], expected: float) -> None:
    assert estimated("house", 124.0, bpm_range=bpm_range).bpm == pytest.approx(expected, abs=0.05)


def test_a_range_that_holds_no_octave_of_a_tempo_changes_nothing() -> None:
    assert estimated("house", 124.0, bpm_range=(130, 180)).bpm == pytest.approx(124, abs=0.05)


def test_a_tempo_that_somebody_states_is_not_moved_into_a_range() -> None:
    assert Tempo(87.0, BpmSource.TAG, 0.9).within((90, 180)).bpm == 87.0
    folded = Tempo(87.0, BpmSource.LENGTH, 0.4, None, half_time=False).within((90, 180))
    assert folded == Tempo(174.0, BpmSource.LENGTH, 0.4, 87.0)


@pytest.mark.parametrize(("bpm", "slower"), [(60.0, 60.0), (103.0, 103.0), (104.0, 52.0), (174.0, 87.0), (348.0, 87.0)])
def test_the_slower_reading_is_the_one_whose_double_is_a_tempo_too(bpm: float, slower: float) -> None:
    assert slower_reading(bpm) == slower


@pytest.mark.parametrize("bpm", [60.0, 87.0, 99.0, 174.0])
def test_a_tempo_is_read_the_same_from_either_octave(bpm: float) -> None:
    power = normalise_level(mel_power(groove(STYLES["breaks"], bpm, 30.0, SEED), GRID_MEL))
    envelope = onset_envelope(power)
    assert read_octave(envelope, GRID_MEL.frame_rate, bpm) == read_octave(envelope, GRID_MEL.frame_rate, bpm * 2)


def test_a_loop_shorter_than_what_is_read_is_read_as_if_repeated() -> None:
    loop = groove(STYLES["techno"], 130.0, 4 * 60 / 130, SEED)
    once = read_octave(grid_envelope(loop), GRID_MEL.frame_rate, 130.0)
    assert (once.bpm, once.other_bpm) == (130.0, 65.0)


def grid_envelope(samples: np.ndarray) -> np.ndarray:
    return onset_envelope(normalise_level(mel_power(samples, GRID_MEL)))


def test_four_bars_of_drum_and_bass_are_no_two_bars_at_half_the_tempo() -> None:
    tempo = loop_tempo(grid_power(groove(STYLES["drum and bass"], 174.0, 16 * 60 / 174, SEED), RATE))
    assert (tempo.bpm, tempo.alternative, tempo.source) == (174.0, 87.0, BpmSource.LENGTH)
    assert tempo.confidence < 0.8


def test_a_pad_of_a_fast_length_keeps_the_usual_tempo() -> None:
    seconds = 16 * 60 / 174
    pad = np.sin(2 * np.pi * 110 * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)
    assert loop_tempo(grid_power(pad, RATE)).bpm == 87.0
