from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from storage.vocabulary import ROLES
from tasks.structure.sections import find_sections

PLACES = {role: place for place, role in enumerate(ROLES)}


def song(*parts: tuple[int, str, float]) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], range]:
    """Parts of a song: how many bars, which roles by their first letters (v, b, p, m, c, f), at what level in dB.

    Nothing is known of how its sound changes.
    """
    rows, levels = [], []
    for bars, letters, level in parts:
        row = [any(role.startswith(letter) for letter in letters) for role in ROLES]
        rows += [row] * bars
        levels += [level] * bars
    return np.array(rows), np.array(levels), np.zeros(len(rows)), range(1, len(rows) + 1)


def sections_of(*parts: tuple[int, str, float]) -> list[tuple[str, int, int]]:
    return [(one.label.value, one.start_bar, one.end_bar) for one in find_sections(*song(*parts))]


def test_a_dance_track_gets_the_sections_it_was_made_of() -> None:
    assert sections_of(
        (16, "p", -9), (32, "pbmc", 0), (16, "c", -10), (32, "pbmc", 0), (16, "p", -9)
    ) == [("intro", 1, 16), ("core", 17, 48), ("break", 49, 64), ("core", 65, 96), ("outro", 97, 112)]  # fmt: skip


def test_a_build_grows_and_leads_to_a_core() -> None:
    growing = [(2, "p", -8), (2, "pf", -6), (2, "pfm", -4), (2, "pfmc", -2)]
    assert ("build", 17, 24) in sections_of((16, "c", -12), *growing, (32, "pbmcf", 0), (16, "c", -12))


def test_a_track_that_is_full_throughout_is_one_core() -> None:
    assert sections_of((64, "pbm", 0)) == [("core", 1, 64)]


def test_borders_fall_where_four_bars_begin_though_the_map_is_a_bar_out() -> None:
    assert [start for _, start, _ in sections_of((15, "p", -9), (33, "pbmc", 0), (16, "p", -9))] == [1, 17, 49]


def test_of_two_phrases_at_which_a_core_may_begin_the_one_where_the_sound_changes_is_taken() -> None:
    bar_roles, levels, changes, bars = song((16, "p", -9), (4, "pb", -4), (44, "pbmc", 0))
    starts = []
    for bar in (17, 21):
        changes[:] = 0
        changes[bar - 1] = 1
        starts.append(find_sections(bar_roles, levels, changes, bars)[1].start_bar)
    assert starts == [17, 21]


def test_a_confidence_is_low_where_the_bars_disagree() -> None:
    rng = np.random.default_rng(1)
    bar_roles, *rest = song((64, "pbmc", 0))
    clear = find_sections(bar_roles, *rest)
    muddled = find_sections(bar_roles & (rng.random(bar_roles.shape) < 0.6), *rest)
    assert clear[0].confidence == 1
    assert min(one.confidence for one in muddled) < 0.9


@given(st.integers(1, 80), st.integers(0, 1000), st.integers(-5, 1))
def test_sections_cover_every_bar_once(count: int, seed: int, first_bar: int) -> None:
    rng = np.random.default_rng(seed)
    bars = range(first_bar, first_bar + count)
    sections = find_sections(rng.random((count, len(ROLES))) < 0.5, rng.uniform(-20, 0, count), rng.random(count), bars)
    covered = [bar for one in sections for bar in range(one.start_bar, one.end_bar + 1)]
    assert covered == list(bars)
    assert [one.section for one in sections] == list(range(len(sections)))
    assert all(one.label != other.label for one, other in pairwise(sections))
