import numpy as np
import pytest

from storage.vocabulary import KeySource
from tasks.structure.key import Key, KeyEstimator, reported_key
from tests.dummies import RATE, Signal, noise
from tests.tasks.features.test_chroma import MAJOR_SCALE, notes


@pytest.mark.parametrize("length", [1000, 4096, RATE, 60 * RATE])
def test_blocks_of_any_length_pass_unchanged_and_give_the_same_key(length: int) -> None:
    samples = np.resize(notes(MAJOR_SCALE, 2), 60 * RATE)
    estimator = KeyEstimator(RATE)
    passed = list(estimator.tap(samples[start : start + length] for start in range(0, len(samples), length)))
    np.testing.assert_array_equal(np.concatenate(passed), samples)
    whole = KeyEstimator(RATE)
    assert list(whole.tap([samples]))
    assert estimator.estimate() == whole.estimate()
    estimate = estimator.estimate()
    assert estimate is not None
    assert (estimate.key, estimate.mode, estimate.source) == ("D", "major", KeySource.ESTIMATE)


def test_an_hour_is_never_held_whole() -> None:
    estimator, most = KeyEstimator(RATE), 0
    block: Signal = noise(1.0)
    for _ in estimator.tap(block for _ in range(600)):
        most = max(most, sum(len(piece) for piece in estimator._passage))
    assert most <= 8 * RATE


def test_silence_has_no_key() -> None:
    estimator = KeyEstimator(RATE)
    assert list(estimator.tap([np.zeros(RATE, np.float32)]))
    assert estimator.estimate() is None


def test_an_estimate_is_reported_only_if_it_is_sure_and_notes_sound() -> None:
    sure, unsure = (Key("A", "minor", KeySource.ESTIMATE, confidence) for confidence in (0.9, 0.6))
    assert reported_key(sure, {"melody", "percussion"}) == sure
    assert reported_key(unsure, {"melody"}) is reported_key(sure, {"percussion", "bass", "fx"}) is None
    stated = Key("A", None, KeySource.FILENAME, 0.9)
    assert reported_key(stated, {"percussion"}) == stated
