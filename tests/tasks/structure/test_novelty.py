import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.structure.novelty import novelty


def test_the_greatest_change_is_where_the_sound_turns() -> None:
    sounds = np.repeat([[-9.0, -1.0], [-1.0, -9.0]], 8, axis=0).astype(np.float32)
    changes = novelty(sounds)
    assert changes.argmax() == 8
    assert changes[8] == 1
    assert changes[:4].max() == pytest.approx(0)


def test_nothing_changes_in_a_sound_that_stays() -> None:
    assert not novelty(np.full((12, 3), -4.0, np.float32)).any()


@given(st.integers(2, 30), st.integers(1, 9), st.integers(0, 100))
def test_it_is_checkerboard_novelty_without_the_matrix(count: int, reach: int, seed: int) -> None:
    sounds = np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)
    unit = sounds.astype(np.float64) - sounds.mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    alike, board = unit @ unit.T, np.zeros(count)
    for bar in range(1, count):
        width = min(reach, bar, count - bar)
        before, after = slice(bar - width, bar), slice(bar, bar + width)
        board[bar] = alike[before, before].mean() + alike[after, after].mean() - 2 * alike[before, after].mean()
    np.testing.assert_allclose(novelty(sounds, reach), board / board.max(), atol=1e-6)


@given(st.integers(0, 30), st.integers(0, 100))
def test_it_lies_between_nothing_and_one_for_every_bar(count: int, seed: int) -> None:
    changes = novelty(np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32))
    assert changes.shape == (count,)
    assert ((changes >= 0) & (changes <= 1)).all()
