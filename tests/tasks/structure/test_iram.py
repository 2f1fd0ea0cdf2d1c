import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.catalogue.label_parts import RoleSpan
from storage.vocabulary import ROLES
from tasks.structure.iram import bar_levels_db, role_spans, smooth

HALF = dict.fromkeys(ROLES, 0.5)


def bass(*activations: float) -> NDArray[np.float32]:
    """Activations of bars in which nothing but the bass changes."""
    return np.array([[value, *[0.01] * 5] for value in activations], np.float32)


def smoothed(activations: NDArray[np.float32], first_bar: int = 1) -> list[int]:
    bars = range(first_bar, first_bar + len(activations))
    return [int(on) for on in smooth(activations, np.zeros(len(activations)), HALF, bars)[:, 0]]


def test_a_bar_that_hesitates_follows_its_neighbours() -> None:
    assert smoothed(bass(0.9, 0.9, 0.45, 0.9, 0.9, 0.9, 0.9, 0.9)) == [1] * 8


def test_a_clear_change_is_kept_to_the_bar() -> None:
    assert smoothed(bass(*[0.01] * 6, *[0.99] * 6)) == [0] * 6 + [1] * 6


def test_an_unclear_change_falls_on_the_bar_that_begins_a_phrase() -> None:
    assert smoothed(bass(0.05, 0.05, 0.05, 0.55, 0.95, 0.95, 0.95, 0.95)) == [0] * 4 + [1] * 4
    assert smoothed(bass(0.05, 0.05, 0.05, 0.05, 0.45, 0.95, 0.95, 0.95)) == [0] * 4 + [1] * 4
    assert smoothed(bass(0.05, 0.05, 0.55, 0.95, 0.95, 0.95), first_bar=3) == [0] * 2 + [1] * 4


def test_nothing_sounds_in_a_silent_bar() -> None:
    levels = np.array([0.0] * 4 + [-60.0] * 4)
    assert smooth(bass(*[0.9] * 8), levels, HALF, range(1, 9))[:, 0].tolist() == [True] * 4 + [False] * 4


@given(st.lists(st.sampled_from([0.02, 0.98]), min_size=1, max_size=24))
def test_role_spans_agree_with_the_bars(activations: list[float]) -> None:
    bars = range(-1, -1 + len(activations))
    bar_roles = smooth(bass(*activations), np.zeros(len(activations)), HALF, bars)
    in_spans = {bar for span in role_spans(bar_roles, bars) for bar in range(span.start_bar, span.end_bar + 1)}
    assert in_spans == {bar for bar, on in zip(bars, bar_roles[:, 0], strict=True) if on}


def test_role_spans_are_ordered_by_role_and_bar() -> None:
    bar_roles = np.zeros((6, len(ROLES)), np.bool_)
    bar_roles[[0, 1, 4], 0] = True
    bar_roles[2:, 1] = True
    assert role_spans(bar_roles, range(1, 7)) == [
        RoleSpan("bass", 1, 2),
        RoleSpan("bass", 5, 5),
        RoleSpan("percussion", 3, 6),
    ]


def test_the_level_of_a_bar_is_that_of_its_power() -> None:
    mels = np.log(np.full((2, 8, 4), 0.25, np.float32))
    mels[1] -= np.log(10)
    assert bar_levels_db(mels).tolist() == pytest.approx([0.0, -10.0], abs=1e-4)


def test_a_track_without_bars_has_no_map() -> None:
    assert smooth(np.empty((0, 0), np.float32), np.empty(0), HALF, range(0)).shape == (0, len(ROLES))
