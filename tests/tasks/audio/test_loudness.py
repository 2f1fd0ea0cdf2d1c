import numpy as np
import pyloudnorm
import pytest

from tasks.audio.decoding import decode
from tasks.audio.loudness import SILENCE_LUFS, loudness
from tests.support.dummies import LOOPS, RATE, noise, tone


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("name", ["loop_amen_full_140bpm.ogg", "loop_drone_g_97.ogg", "ambi_dark_woosh.ogg"])
def test_the_loudness_of_real_audio_is_the_standards(name: str, rate: int) -> None:
    samples = decode(LOOPS / name, rate).samples
    assert loudness(samples, rate) == pytest.approx(pyloudnorm.Meter(rate).integrated_loudness(samples), abs=0.2)


def test_twice_the_amplitude_is_six_decibels_louder() -> None:
    assert loudness(tone(2.0) * 0.5, RATE) == pytest.approx(loudness(tone(2.0), RATE) - 6.02, abs=0.01)


def test_pauses_do_not_make_a_loop_softer() -> None:
    burst = noise(2.0)
    paused = np.concatenate([burst, np.zeros(6 * RATE, np.float32)])
    assert loudness(paused, RATE) == pytest.approx(loudness(burst, RATE), abs=0.5)


def test_silence_and_the_shortest_sound_have_a_loudness() -> None:
    assert loudness(np.zeros(RATE, np.float32), RATE) == SILENCE_LUFS
    assert loudness(tone(0.1), RATE) == pytest.approx(loudness(tone(1.0), RATE), abs=0.5)
