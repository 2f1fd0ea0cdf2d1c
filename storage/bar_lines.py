"""When the bars of a file begin: evenly, or, where its tempo drifts, at bar lines that were found one by one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BEATS_PER_BAR

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BarLines:
    """The bar lines of a track whose tempo drifts, in seconds: `first_bar` begins at the first, and so on.

    There is one more than there are bars: the end of the last. The first bar and the last may reach beyond the file.
    """

    first_bar: int
    times_s: tuple[float, ...]

    @property
    def tempi(self) -> Floats:
        """The tempo of each bar in beats per minute."""
        return np.asarray(60 * BEATS_PER_BAR / np.diff(self.times_s))


@dataclass(frozen=True)
class Bars:
    """The bars of a file, numbered from 1 at its first downbeat; in 4/4, of one tempo unless there are `lines`."""

    bpm: float
    first_downbeat_s: float
    lines: BarLines | None = None

    @property
    def bar_s(self) -> float:
        """The length of a bar in seconds; where the tempo drifts, of one at the median tempo."""
        return 60.0 * BEATS_PER_BAR / self.bpm

    def start_s(self, bar: float) -> float:
        """When a bar begins; that of bar 2.5 is the middle of bar 2."""
        return float(self.starts_s(np.array(bar, np.float64)))

    def starts_s(self, bars: Floats) -> Floats:
        """When each of some bars begins, in the shape of `bars`."""
        if self.lines is None:
            return self.first_downbeat_s + (bars - 1) * self.bar_s
        return _on_line(bars, _numbers(self.lines), np.array(self.lines.times_s))

    def passed(self, seconds: float) -> float:
        """How many bars have passed since the first downbeat, under 0 before it."""
        if self.lines is None:
            return (seconds - self.first_downbeat_s) / self.bar_s
        return float(_on_line(np.array(seconds, np.float64), np.array(self.lines.times_s), _numbers(self.lines))) - 1

    def between(self, start_s: float, end_s: float) -> float:
        """How many bars lie between two times."""
        if self.lines is None:
            return (end_s - start_s) / self.bar_s
        return self.passed(end_s) - self.passed(start_s)

    def earlier_s(self, seconds: float, bars: int) -> float:
        """The time so many bars before another."""
        if self.lines is None:
            return seconds - bars * self.bar_s
        return self.start_s(1 + self.passed(seconds) - bars)


def _numbers(lines: BarLines) -> Floats:
    return lines.first_bar + np.arange(len(lines.times_s), dtype=np.float64)


def _on_line(places: Floats, known: Floats, values: Floats) -> Floats:
    """Values at places between known ones, on straight lines, the first and the last of which go on beyond them."""
    inside = np.interp(places, known, values)
    before = (places - known[0]) * (values[1] - values[0]) / (known[1] - known[0])
    after = (places - known[-1]) * (values[-1] - values[-2]) / (known[-1] - known[-2])
    return np.asarray(inside + np.minimum(before, 0.0) + np.maximum(after, 0.0))
