"""Progress says how fast it goes, how long it takes still, and what was left behind."""

import pytest

from flows.terminal.progress import Tally, progress


@pytest.mark.parametrize(
    ("tally", "seconds", "said"),
    [
        (Tally(100, done=40, failed=2, audio_s=9600.0), 20.0, "2.0/s, 480 × real time, 0:30 left, 2 in quarantine"),
        (Tally(1_000_000, done=100, audio_s=24_000.0), 10.0, "10.0/s, 2400 × real time, 27:46:30 left"),
        (Tally(19, done=19), 9.5, "2.0/s"),
        (Tally(19), 1.0, "0.0/s"),
    ],
)
def test_the_speed_the_time_left_and_the_quarantine(tally: Tally, seconds: float, said: str) -> None:
    assert tally.speed(seconds) == said


def test_outside_a_terminal_the_last_line_has_it_all(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("labelled", 3) as shown:
        shown.advance(1, audio_s=1e9)
        shown.advance(2, failed=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("labelled: 3 of 3, ")
    assert line.endswith(" × real time, 1 in quarantine")
