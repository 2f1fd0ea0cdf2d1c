import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.bar_lines import BarLines, Bars

EVEN = Bars(120.0, 0.5)
UNEVEN = Bars(118.0, 2.0, BarLines(0, (-0.1, 2.0, 4.0, 5.9, 7.7)))
"""Bar 1 begins at 2 seconds; bars last 2.1, 2, 1.9 and 1.8 seconds."""


def test_bars_of_one_tempo_follow_from_it_and_the_first_downbeat() -> None:
    assert EVEN.bar_s == 2.0
    assert (EVEN.start_s(1), EVEN.start_s(3), EVEN.start_s(0)) == (0.5, 4.5, -1.5)
    assert (EVEN.passed(0.5), EVEN.passed(3.5)) == (0.0, 1.5)


def test_bars_of_a_tempo_that_drifts_begin_on_their_lines() -> None:
    assert UNEVEN.starts_s(np.arange(0.0, 5)) == pytest.approx([-0.1, 2.0, 4.0, 5.9, 7.7])
    assert UNEVEN.start_s(2.5) == pytest.approx(4.95)
    assert UNEVEN.passed(5.9) == pytest.approx(2)
    assert UNEVEN.between(2.0, 5.9) == pytest.approx(2)
    assert UNEVEN.earlier_s(7.7, 3) == pytest.approx(2.0)
    assert UNEVEN.lines is not None
    assert UNEVEN.lines.tempi == pytest.approx([240 / 2.1, 120, 240 / 1.9, 240 / 1.8])


def test_beyond_its_lines_a_track_goes_on_as_it_began_and_ended() -> None:
    assert UNEVEN.start_s(-1) == pytest.approx(-2.2)
    assert UNEVEN.start_s(6) == pytest.approx(11.3)
    assert UNEVEN.passed(9.5) == pytest.approx(4)


@given(st.sampled_from([EVEN, UNEVEN]), st.floats(-30, 30))
def test_a_bar_and_its_time_are_each_others_inverse(bars: Bars, bar: float) -> None:
    assert bars.passed(bars.start_s(bar)) == pytest.approx(bar - 1, abs=1e-9)
