"""A short fit to made-up sounds: scales in two modes, as chroma."""

from pathlib import Path

import numpy as np
import torch

from tasks.features.chroma import REGISTERS, Chroma
from tasks.features.key_network import NO_KEY
from tasks.key_training.fitting import FitSettings, _Weights, fit
from tasks.key_training.material import KeyedFile, KeyedSound
from tests.tasks.features.test_chroma import MAJOR_SCALE, MINOR_SCALE

SETTINGS = FitSettings(chords=6, hidden=8, steps=150, batch=32)


def scale(tonic: int, minor: bool, seed: int) -> Chroma:
    """Eight windows of a few notes each of a scale, the tonic more often than others."""
    rng = np.random.default_rng(seed)
    steps = MINOR_SCALE if minor else MAJOR_SCALE
    found = np.full((8, REGISTERS, 12), 0.01, np.float32)
    for window in found:
        for step in (0, 7, *rng.choice(steps, 3)):
            window[rng.integers(REGISTERS), (tonic + step) % 12] += rng.uniform(0.5, 1.0)
    return found


def sounds(seed: int) -> list[KeyedSound]:
    noise = np.random.default_rng(seed).random((8, REGISTERS, 12)).astype(np.float32)
    pitched = [
        KeyedSound(KeyedFile(Path(), "melody", "", "", place), scale(place % 12, place >= 12, seed + place))
        for place in range(24)
    ]
    return [*pitched, KeyedSound(KeyedFile(Path(), "percussion", "", "", NO_KEY), noise)]


def test_a_fit_tells_keys_of_sounds_it_has_not_seen_and_drums_from_notes() -> None:
    network = fit(sounds(1), SETTINGS)
    others = sounds(1000)
    right = [int(network.probabilities(sound.chroma).argmax()) == sound.file.key for sound in others]
    assert sum(right) >= 20
    assert right[-1]


def test_one_seed_gives_one_network() -> None:
    short = FitSettings(chords=2, hidden=2, steps=2, batch=4)
    assert fit(sounds(1), short).to_bytes() == fit(sounds(1), short).to_bytes()


def test_what_is_learned_answers_as_it_did_while_it_was_learned() -> None:
    weights = _Weights(SETTINGS).eval()
    chroma = scale(3, True, 5)
    with torch.no_grad():
        scores = torch.softmax(weights(torch.from_numpy(chroma[None])), dim=1)[0].numpy()
    np.testing.assert_allclose(weights.network().probabilities(chroma), scores, atol=1e-5)
