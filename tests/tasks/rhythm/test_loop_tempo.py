import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import BpmSource
from tasks.audio.decoding import decode
from tasks.rhythm.grid import Tempo
from tasks.rhythm.loop_tempo import loop_tempo, numbered_tempo, tempo_from_length
from tasks.rhythm.onsets import GridPower, grid_power
from tests.support.dummies import LOOPS, RATE, Signal, noise, tone


def heard(samples: Signal) -> GridPower:
    return grid_power(samples, RATE)


def strokes(pulses: int, seconds: float, sounding: int | None = None) -> Signal:
    """So many even strokes, the first of them loudest, of which only the first `sounding` are struck."""
    stroke = noise(0.03, seed=3) * np.linspace(1, 0, round(0.03 * RATE), dtype=np.float32)
    samples = noise(seconds) * np.float32(1e-4)
    for number in range(sounding or pulses):
        start = round(number * seconds / pulses * RATE)
        samples[start : start + len(stroke)] += stroke * np.float32(1.0 if number == 0 else 0.5)
    return samples


def struck(pulses: int, seconds: float) -> Tempo:
    """The tempo of a loop with so many even strokes."""
    return loop_tempo(heard(strokes(pulses, seconds)))


def test_a_length_alone_tells_a_tempo_and_makes_none_sure() -> None:
    assert tempo_from_length(4 * 4 * 60 / 126) == Tempo(126.0, BpmSource.LENGTH, 0.4)
    assert tempo_from_length(7.123).confidence == 0.2


def test_a_real_loop_tells_its_tempo_by_its_length() -> None:
    assert tempo_from_length(decode(LOOPS / "loop_breakbeat_126bpm.ogg", RATE).duration_s).bpm == 126.0


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_a_loop_in_four_is_sure_of_the_tempo_that_its_length_tells(bars: int) -> None:
    assert struck(8 * bars, bars * 240 / 125) == Tempo(125.0, BpmSource.LENGTH, 0.8, half_time=False)


def test_four_on_the_floor_of_two_seconds_is_sure() -> None:
    assert struck(4, 2.0) == Tempo(120.0, BpmSource.LENGTH, 0.8, half_time=False)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 4.0])
def test_one_stroke_in_a_round_length_is_not_sure(seconds: float) -> None:
    assert loop_tempo(heard(strokes(4, seconds, sounding=1))).confidence < 0.5


@pytest.mark.parametrize("samples", [tone(8.0), noise(8.0), tone(8.0, 55.0)])
def test_what_has_no_attacks_is_not_sure_however_round_its_length(samples: Signal) -> None:
    assert loop_tempo(heard(samples)).confidence < 0.5


def test_strokes_that_do_not_stand_on_the_beats_of_a_round_length_are_not_sure() -> None:
    # Eleven strokes over eight seconds stand at no sixteenth of 120.
    assert struck(11, 8.0).confidence < 0.5


@pytest.mark.parametrize("bars", [1, 2])
def test_a_loop_in_seven_eight_is_not_sold_as_one_in_four(bars: int) -> None:
    # Seven eighths at 140 are as long as four quarters at 160.
    assert struck(7 * bars, bars * 3.5 * 60 / 140).confidence <= 0.3


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_a_loop_in_three_four_is_not_sold_as_one_in_four(bars: int) -> None:
    # Three quarters at 90 are as long as four at 120.
    assert struck(6 * bars, bars * 3 * 60 / 90).confidence <= 0.3


@pytest.mark.parametrize("name", ["loop_amen_full_140bpm", "loop_breakbeat_126bpm"])
def test_a_real_loop_in_four_is_sure(name: str) -> None:
    assert loop_tempo(heard(decode(LOOPS / f"{name}.ogg", RATE).samples)).confidence >= 0.8


@given(st.floats(0.25, 43_200))
def test_any_length_is_a_power_of_two_of_bars_at_a_tempo_from_80_to_160(duration_s: float) -> None:
    bpm = tempo_from_length(duration_s).bpm
    assert 80 <= bpm <= 160
    octaves = np.log2(duration_s * bpm / 240)
    assert octaves == pytest.approx(round(octaves), abs=1e-3)


def test_a_number_that_makes_whole_bars_of_the_length_is_the_tempo() -> None:
    assert numbered_tempo(heard(strokes(16, 8 * 60 / 172)), 172.0) == Tempo(172.0, BpmSource.FILENAME, 0.9)


def test_a_number_that_a_sure_length_contradicts_is_no_tempo() -> None:
    # `SH-101 bass.wav`: four bars at 128.
    found = numbered_tempo(heard(strokes(32, 7.5)), 101.0)
    assert found == Tempo(128.0, BpmSource.LENGTH, 0.8, half_time=False)


@pytest.mark.parametrize("samples", [tone(7.5), noise(7.3)])
def test_a_number_that_nothing_contradicts_stands_less_sure(samples: Signal) -> None:
    assert numbered_tempo(heard(samples), 101.0) == Tempo(101.0, BpmSource.FILENAME, 0.6)
