from pathlib import Path

import numpy as np

from tasks.features.chroma import REGISTERS
from tasks.features.key_network import NO_KEY
from tasks.key_training.material import KeyedFile, KeyedSound
from tasks.key_training.mixing import Mixer, MixSettings, passages
from tasks.key_training.simulated import WINDOWS
from tests.tasks.features.test_chroma import MAJOR_SCALE, MINOR_SCALE
from tests.tasks.key_training.test_fitting import scale, sounds

REAL = MixSettings(simulated=0, simulated_share=0.0, no_key=0.0, percussion=0.0)


def test_a_mix_is_in_one_key_whatever_its_sounds_were_in() -> None:
    found, keys = Mixer(sounds(1), REAL, seed=3).mixes(60)
    assert found.shape == (60, WINDOWS, REGISTERS, 12)
    assert len(set(keys)) > 12
    for chroma, key in zip(found.sum(axis=(1, 2)), keys, strict=True):
        notes = {(key + step) % 12 for step in (MINOR_SCALE if key >= 12 else MAJOR_SCALE)}
        assert set(np.flatnonzero(chroma > 0.2 * chroma.max())) <= notes


def test_percussion_alone_has_no_key() -> None:
    found, keys = Mixer(sounds(1), MixSettings(simulated=0, simulated_share=0.0, no_key=1.0), seed=3).mixes(5)
    assert set(keys) == {NO_KEY}
    assert found[found.any(axis=(1, 2, 3))].shape[0] >= 1


def test_simulated_passages_are_enough_to_mix_from() -> None:
    found, keys = Mixer([], MixSettings(simulated=40, simulated_share=1.0), seed=3).mixes(20)
    assert found[keys != NO_KEY].any(axis=(1, 2, 3)).all()


def test_a_long_sound_is_several_passages_and_a_short_one_sounds_again() -> None:
    long, short = (
        KeyedSound(KeyedFile(Path(), "melody", "", "", 0), np.tile(scale(0, False, 1), (3, 1, 1))[:windows])
        for windows in (20, 3)
    )
    assert len(passages(long)) == 2
    (again,) = passages(short)
    np.testing.assert_array_equal(again[0], again[3])
