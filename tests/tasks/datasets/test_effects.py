import numpy as np
import pytest

from storage.datasets.plan import Effect
from tasks.datasets.effects import apply_effect, sample_effects
from tasks.datasets.recipe import AugmentRules
from tests.support.dummies import RATE, noise, tone

ALL = AugmentRules(
    low_pass_share=1, high_pass_share=1, reverb_share=1, noise_share=1, codec_share=1, polarity_share=1, offset_share=1
)


def test_effects_are_drawn_by_their_shares_and_inside_their_ranges() -> None:
    assert sample_effects(AugmentRules(), np.random.default_rng(0)) == ()
    drawn = [sample_effects(ALL, np.random.default_rng(seed)) for seed in range(20)]
    assert {len(effects) for effects in drawn} == {7}
    for effects in drawn:
        of = {effect.kind: effect.parameters for effect in effects}
        assert 1_000 <= of["low_pass"]["hz"] <= 6_000
        assert 1 <= of["offset"]["beats"] <= 15


@pytest.mark.parametrize("effect", sample_effects(ALL, np.random.default_rng(1)), ids=lambda effect: effect.kind)
def test_an_effect_keeps_the_length_and_gives_the_same_bytes_twice(effect: Effect) -> None:
    samples = noise(4.0)
    once = apply_effect(samples, effect, RATE)
    assert (once.shape, once.dtype) == (samples.shape, np.float32)
    assert once.tobytes() == apply_effect(samples, effect, RATE).tobytes()
    assert once.tobytes() != samples.tobytes()


def test_a_low_pass_takes_the_highs_and_noise_has_its_level() -> None:
    low, high = tone(1.0, 200), tone(1.0, 6000)
    cut = Effect("low_pass", {"hz": 1000.0})
    assert np.std(apply_effect(low, cut, RATE)) > 0.9 * np.std(low)
    assert np.std(apply_effect(high, cut, RATE)) < 0.1 * np.std(high)
    noisy = apply_effect(low, Effect("noise", {"level_db": -20.0, "seed": 1.0}), RATE)
    assert np.std(noisy - low) / np.std(low) == pytest.approx(0.1, rel=0.05)
