from collections.abc import Sequence

import mir_eval.key
import numpy as np
import pytest

from tasks.audio.decoding import decode
from tasks.features.chroma import estimate_key, key_of, pitch_classes
from tasks.metadata.key_names import TONICS
from tests.dummies import LOOPS, RATE, Signal, noise

MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


def notes(steps: Sequence[int], tonic: int, cents: float = 0.0, rate: int = RATE) -> Signal:
    """Notes with four partials, one after the other, the tonic and the fifth twice as long."""
    pieces = []
    for step in steps:
        hertz = 130.81 * 2 ** ((tonic + step + cents / 100) / 12)
        time = np.arange(round((0.8 if step in (0, 7) else 0.4) * rate)) / rate
        pieces.append(sum(np.sin(2 * np.pi * hertz * partial * time) / partial**2 for partial in (1, 2, 3, 4)))
    return np.concatenate(pieces).astype(np.float32) * np.float32(0.2)


@pytest.mark.parametrize("mode", ["major", "minor"])
def test_scales_are_heard_in_all_twelve_keys(mode: str) -> None:
    scale = MAJOR_SCALE if mode == "major" else MINOR_SCALE
    found = [estimate_key(notes(scale, tonic), RATE) for tonic in range(12)]
    assert [(one.key, one.mode) for one in found if one] == [(tonic, mode) for tonic in TONICS]
    assert all(one.confidence > 0.5 for one in found if one)


@pytest.mark.parametrize("cents", [-40.0, 25.0, 40.0])
def test_a_file_out_of_tune_has_the_key_it_is_nearest_to(cents: float) -> None:
    found = estimate_key(notes(MINOR_SCALE, 9, cents), RATE)
    assert found is not None
    assert (found.key, found.mode) == ("A", "minor")


def test_the_rate_and_the_level_do_not_matter() -> None:
    plain, other = notes(MAJOR_SCALE, 2), notes(MAJOR_SCALE, 2, rate=44_100) * np.float32(0.01)
    shares = [strengths / strengths.sum() for strengths in (pitch_classes(plain, RATE), pitch_classes(other, 44_100))]
    np.testing.assert_allclose(*shares, atol=0.02)
    assert estimate_key(plain, RATE) == estimate_key(plain * np.float32(0.01), RATE)


def test_parts_may_be_heard_apart_and_added() -> None:
    first, second = notes((0, 2, 4), 7), notes((5, 7, 9, 11), 7)
    found = key_of(pitch_classes(first, RATE) + pitch_classes(second, RATE))
    assert found is not None
    assert (found.key, found.mode) == ("G", "major")


def test_silence_has_no_key_and_noise_none_to_rely_on() -> None:
    assert estimate_key(np.zeros(RATE, np.float32), RATE) is None
    found = estimate_key(noise(8.0), RATE)
    assert found is None or found.confidence < 0.5


def test_a_real_drone_has_the_tonic_that_its_name_says() -> None:
    found = estimate_key(decode(LOOPS / "loop_drone_g_97.ogg", RATE).samples, RATE)
    assert found is not None
    assert mir_eval.key.weighted_score("G major", f"{found.key} {found.mode}") >= 0.2
    assert found.key == "G"
