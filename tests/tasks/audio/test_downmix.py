"""Several channels become one without losing what they have: their mean, or the loudest where they cancel."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tasks.audio.downmix import Downmix
from tests.support.dummies import noise, tone

RATE = 44_100


def mixed(*channels: NDArray[np.float32], block: int = 1 << 16) -> NDArray[np.float32]:
    """The mix of a whole file, block by block."""
    both, downmix = np.stack(channels, axis=1), Downmix()
    return np.concatenate([downmix.mix(both[start : start + block]) for start in range(0, len(both), block)])


def loss_db(mix: NDArray[np.float32], *channels: NDArray[np.float32]) -> float:
    """By how much the mix is softer than its loudest channel."""
    return float(10 * np.log10(max(np.mean(channel**2) for channel in channels) / np.mean(mix**2)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (noise(4.0, RATE), noise(4.0, RATE)),
        (noise(4.0, RATE), noise(4.0, RATE, seed=1)),
        (tone(4.0, 200, RATE), tone(4.0, 300, RATE)),
        (noise(4.0, RATE), np.zeros(4 * RATE, np.float32)),
        (noise(4.0, RATE), -0.2 * noise(4.0, RATE)),
        (np.zeros(4 * RATE, np.float32), np.zeros(4 * RATE, np.float32)),
    ],
    ids=["alike", "strangers", "tones", "one_side", "a_little_inverted", "silence"],
)
def test_the_mean_is_taken_where_channels_do_not_cancel(left: NDArray[np.float32], right: NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(mixed(left, right), (left + right) * np.float32(0.5))


@pytest.mark.parametrize("gain", [-1.0, -0.97, -0.5, -2.0])
def test_sides_that_cancel_are_heard_through_the_louder_one(gain: float) -> None:
    left = noise(4.0, RATE)
    right = np.float32(gain) * left
    assert loss_db(mixed(left, right), left, right) == pytest.approx(0, abs=0.1 if gain in (-1.0, -0.5, -2.0) else 0.3)


def test_drums_of_which_one_side_is_inverted_stay_beside_a_bass_in_the_middle() -> None:
    drums, bass = noise(4.0, RATE), np.float32(0.1) * tone(4.0, 50, RATE)
    np.testing.assert_array_equal(mixed(bass + drums, bass - drums)[2048:], (bass + drums)[2048:])


def test_a_file_of_which_half_is_inverted_keeps_both_halves_and_has_no_click_between() -> None:
    left, half = tone(12.0, 100, RATE), 6 * RATE
    right = np.concatenate([left[:half], -left[half:]])
    mix = mixed(left, right)
    for part in (slice(0, half), slice(half + (1 << 16), None)):
        np.testing.assert_allclose(mix[part], left[part], atol=1e-6)
    assert np.abs(np.diff(mix)).max() < 0.6


def test_an_offset_of_opposite_signs_does_not_count() -> None:
    left = noise(4.0, RATE)
    np.testing.assert_allclose(mixed(left + 0.5, left - 0.5), left, atol=1e-6)


def test_of_six_channels_the_loudest_is_heard_where_they_cancel() -> None:
    loud = noise(2.0, RATE)
    channels = [loud, -loud, *(np.zeros_like(loud) for _ in range(4))]
    assert loss_db(mixed(*channels), *channels) == pytest.approx(0, abs=0.1)
    centre = [*(np.zeros_like(loud) for _ in range(5)), loud]
    np.testing.assert_allclose(mixed(*centre), loud / 6, atol=1e-6)
