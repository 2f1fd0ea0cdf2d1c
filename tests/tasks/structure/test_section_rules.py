from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import ROLES
from tasks.structure.section_rules import LABELS, guess


def sounding(*parts: tuple[int, str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray, range]:  # type: ignore[type-arg]
    """Parts of a song (bars, roles by their first letters, level in dB), with the greatest change at every border."""
    on = np.array([[role[0] in letters for role in ROLES] for bars, letters, _ in parts for _ in range(bars)])
    levels = np.array([level for bars, _, level in parts for _ in range(bars)], np.float64)
    starts = np.cumsum([bars for bars, _, _ in parts])[:-1]
    return on, levels, np.isin(np.arange(len(on)), starts).astype(np.float64), range(1, len(on) + 1)


def test_rules_name_the_parts_of_a_dance_track() -> None:
    found = guess(*sounding((16, "p", -9), (32, "pbmc", 0), (16, "c", -10), (32, "pbmc", 0), (16, "p", -9))).labels
    starts = [0, *(bar for bar, (one, other) in enumerate(pairwise(found), 1) if one != other)]
    assert [(LABELS[found[bar]].value, bar + 1) for bar in starts] == [
        ("intro", 1),
        ("core", 17),
        ("break", 49),
        ("core", 65),
        ("outro", 97),
    ]


@given(st.integers(1, 60), st.integers(0, 999))
def test_rules_begin_with_what_may_begin_and_end_with_what_may_end(bars: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    on, levels = rng.random((bars, len(ROLES))) < 0.5, rng.uniform(-30, 0, bars)
    found = [LABELS[label].value for label in guess(on, levels, rng.random(bars), range(1, bars + 1)).labels]
    assert len(found) == bars
    assert found[0] in ("intro", "build", "core")
    assert found[-1] in ("intro", "core", "outro")
