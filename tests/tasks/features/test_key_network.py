import mir_eval.key
import numpy as np
import pytest

from tasks.features.chroma import REGISTERS, Chroma
from tasks.features.key_network import NO_KEY, KeyNetwork, mirex_scores
from tasks.metadata.key_names import TONICS

CHORDS, HIDDEN = 5, 3


@pytest.fixture
def network() -> KeyNetwork:
    rng = np.random.default_rng(1)
    return KeyNetwork(
        chord=rng.normal(size=(CHORDS, REGISTERS, 12)),
        chord_bias=rng.normal(size=CHORDS),
        notes=rng.normal(size=(HIDDEN, CHORDS + REGISTERS, 12)),
        notes_bias=rng.normal(size=HIDDEN),
        key=rng.normal(size=(2, HIDDEN, 12)),
        key_bias=rng.normal(size=2),
        none=rng.normal(size=HIDDEN),
        none_bias=rng.normal(size=1),
    )


@pytest.fixture
def chroma() -> Chroma:
    return np.random.default_rng(2).random((6, REGISTERS, 12)).astype(np.float32)


@pytest.mark.parametrize("semitones", range(1, 12))
def test_a_transposed_sound_has_the_transposed_keys(network: KeyNetwork, chroma: Chroma, semitones: int) -> None:
    plain = network.probabilities(chroma)
    moved = network.probabilities(np.roll(chroma, semitones, axis=2))
    np.testing.assert_allclose(moved[:12], np.roll(plain[:12], semitones), atol=1e-9)
    np.testing.assert_allclose(moved[12:NO_KEY], np.roll(plain[12:NO_KEY], semitones), atol=1e-9)
    assert moved[NO_KEY] == pytest.approx(plain[NO_KEY])


def test_all_answers_add_up_to_one(network: KeyNetwork, chroma: Chroma) -> None:
    found = network.probabilities(chroma)
    assert found.shape == (25,)
    assert found.sum() == pytest.approx(1.0)


def test_level_and_repetition_change_nothing(network: KeyNetwork, chroma: Chroma) -> None:
    plain = network.probabilities(chroma)
    np.testing.assert_allclose(network.probabilities(chroma * np.float32(0.001)), plain, atol=1e-6)
    np.testing.assert_allclose(network.probabilities(np.concatenate([chroma, chroma])), plain, atol=1e-6)


def test_weights_come_back_as_they_were_written(network: KeyNetwork, chroma: Chroma) -> None:
    again = KeyNetwork.from_bytes(network.to_bytes())
    np.testing.assert_allclose(again.probabilities(chroma), network.probabilities(chroma), atol=1e-5)


def test_answers_are_worth_what_mirex_gives_them() -> None:
    names = [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in TONICS]
    known = [[mir_eval.key.weighted_score(true, said) for said in names] for true in names]
    np.testing.assert_allclose(mirex_scores(), known)
