from collections.abc import Sequence

import numpy as np
import pytest

from tasks.features.chroma import REGISTERS, chroma_of
from tests.support.dummies import RATE, Signal

MAJOR_SCALE, MINOR_SCALE = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)


def notes(steps: Sequence[int], tonic: int, cents: float = 0.0, rate: int = RATE) -> Signal:
    """Notes with four partials, one after the other, the tonic and the fifth twice as long."""
    pieces = []
    for step in steps:
        hertz = 130.81 * 2 ** ((tonic + step + cents / 100) / 12)
        time = np.arange(round((0.8 if step in (0, 7) else 0.4) * rate)) / rate
        pieces.append(sum(np.sin(2 * np.pi * hertz * partial * time) / partial**2 for partial in (1, 2, 3, 4)))
    return np.concatenate(pieces).astype(np.float32) * np.float32(0.2)


def sine(midi: float, seconds: float = 4.0, rate: int = RATE) -> Signal:
    time = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * time)).astype(np.float32)


@pytest.mark.parametrize(("midi", "register"), [(24, 0), (47, 0), (48, 1), (59, 1), (60, 2), (71, 2), (72, 3), (95, 3)])
def test_a_note_counts_for_its_class_in_its_register(midi: int, register: int) -> None:
    found = chroma_of(sine(midi), RATE).sum(axis=0)
    assert np.unravel_index(found.argmax(), found.shape) == (register, midi % 12)
    assert found.max() > 0.9 * found.sum()


@pytest.mark.parametrize("cents", [-0.4, 0.25, 0.4])
def test_a_file_out_of_tune_counts_for_the_notes_it_is_nearest_to(cents: float) -> None:
    found = chroma_of(np.concatenate([sine(60 + cents), sine(67 + cents)]), RATE).sum(axis=(0, 1))
    assert sorted(np.argsort(found)[-2:]) == [0, 7]


def test_windows_of_a_second_follow_the_sound() -> None:
    found = chroma_of(np.concatenate([sine(60, 4.096), sine(64, 4.096)]), RATE).sum(axis=1)
    assert len(found) == 9
    assert found[:3].argmax(axis=1).tolist() == [0, 0, 0]
    assert found[5:8].argmax(axis=1).tolist() == [4, 4, 4]


def test_the_rate_and_the_level_do_not_matter() -> None:
    plain, other = notes(MAJOR_SCALE, 2), notes(MAJOR_SCALE, 2, rate=44_100) * np.float32(0.01)
    shares = []
    for samples, rate in ((plain, RATE), (other, 44_100)):
        strengths = chroma_of(samples, rate).sum(axis=(0, 1))
        shares.append(strengths / strengths.sum())
    np.testing.assert_allclose(*shares, atol=0.03)


def test_silence_has_no_strength_and_as_many_windows() -> None:
    found = chroma_of(np.zeros(4 * RATE, np.float32), RATE)
    assert found.shape == (4, REGISTERS, 12)
    assert not found.any()
