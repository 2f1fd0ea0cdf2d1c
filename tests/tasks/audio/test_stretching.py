import numpy as np
import pytest

from tasks.audio.loudness import loudness
from tasks.audio.stretching import STRETCHED_LUFS, StretchedLoops, stretch_loop
from tests.support.dummies import LOOPS, RATE, clicks, loop, tone

DRONE = loop(path=str(LOOPS / "loop_drone_g_97.ogg"), duration_s=9.9)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.12])
def test_the_first_attack_of_a_stretched_loop_is_as_loud_and_as_punctual_as_the_others(speed: float) -> None:
    stretched = stretch_loop(clicks(120, 8.0), speed, 0 if speed != 1.0 else 2, RATE)
    assert len(stretched) == round(8 * RATE / speed)
    bar = 2 * RATE / speed
    heads = [np.abs(stretched[round(number * bar) : round(number * bar) + 1600]) for number in range(4)]
    assert heads[0].max() > 0.7 * np.median([head.max() for head in heads])
    assert np.argmax(heads[0] > 0.5 * heads[0].max()) < 0.005 * RATE


def test_a_held_tone_goes_round_without_a_click() -> None:
    stretched = stretch_loop(tone(4.0, 250), 0.9, 0, RATE)
    inside = np.abs(np.diff(stretched)).max()
    assert abs(stretched[0] - stretched[-1]) < 1.5 * inside


def test_forms_have_one_loudness_and_are_made_once() -> None:
    stretched = StretchedLoops()
    form = stretched.get(DRONE, 1.1, 2, RATE)
    assert loudness(form, RATE) == pytest.approx(STRETCHED_LUFS, abs=0.01)
    assert stretched.get(DRONE, 1.1, 2, RATE) is form


def test_forms_keep_no_more_than_they_may_and_give_the_same_again() -> None:
    stretched = StretchedLoops(most_bytes=1 << 20)
    first = stretched.get(DRONE, 1.1, 0, RATE)
    others = [stretched.get(DRONE, speed, 0, RATE) for speed in (0.9, 0.95, 1.05)]
    assert len(others) == 3
    again = stretched.get(DRONE, 1.1, 0, RATE)
    assert again is not first
    assert again.tobytes() == first.tobytes()
