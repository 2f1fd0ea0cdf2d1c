"""Cutting a file into segments of four bars, in bars and in seconds."""

import math
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR
from tasks.features.mel import cut_along_bars, cut_segments
from tasks.features.mel_config import Matrix, MelConfig
from tasks.rhythm.grid import Grid
from tasks.rhythm.loop_tempo import tempo_from_length

Array = TypeVar("Array", bound=NDArray[Any])
Floats = NDArray[np.float64]

_NEARLY: Final = 1e-3
"""Share of a bar that may be missing from a segment that still counts as whole."""


@dataclass(frozen=True)
class Bounds:
    """Where a segment lies: its number, first and last bar (from 1, last included), and seconds."""

    segment: int
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float


def track_bounds(grid: Grid, duration_s: float) -> list[Bounds]:
    """The segments of a track: four bars each from the first downbeat on.

    A last partial segment is kept from one bar on; what sounds before the first downbeat is segment -1 if it is
    a bar or longer.
    """
    grid_bars = grid.bars
    bounds = []
    before = -grid_bars.passed(0.0)
    if before >= 1 - _NEARLY:
        bounds.append(Bounds(-1, 1 - math.ceil(before - _NEARLY), 0, 0.0, grid_bars.start_s(1)))
    bars = grid_bars.passed(duration_s) + _NEARLY
    for segment in range(math.ceil(bars / BARS_PER_SEGMENT)):
        first = segment * BARS_PER_SEGMENT
        left = min(BARS_PER_SEGMENT, bars - first)
        if left < 1:
            break
        start_s, end_s = grid_bars.start_s(first + 1), min(grid_bars.start_s(first + 1 + BARS_PER_SEGMENT), duration_s)
        bounds.append(Bounds(segment, first + 1, first + math.ceil(left - 2 * _NEARLY), start_s, end_s))
    return bounds


def loop_bounds(bar_s: float, duration_s: float) -> Bounds:
    """The one segment of a loop: all its bars, at least one."""
    return Bounds(0, 1, max(1, round(duration_s / bar_s)), 0.0, duration_s)


def one_shot_bounds(duration_s: float) -> Bounds:
    """A one-shot as the network hears it best: as a loop that is as long as itself, again and again."""
    return loop_bounds(60 * BEATS_PER_BAR / tempo_from_length(duration_s).bpm, duration_s)


def track_mels(power: Matrix, bounds: list[Bounds], grid: Grid, config: MelConfig) -> Matrix:
    """Mel power of the segments of a track: (segments, frames_per_segment, mels); short ones repeat their bars."""
    bars = grid.bars
    starts = [max(bound.start_s, bars.earlier_s(bound.end_s, BARS_PER_SEGMENT)) for bound in bounds]
    mels = _four_bars(power, np.array(starts, np.float64), grid, config)
    for place, bound in enumerate(bounds):
        mels[place] = repeat_bars(mels[place], bars.between(starts[place], bound.end_s), config)
    return mels


def _four_bars(power: Matrix, starts_s: Floats, grid: Grid, config: MelConfig) -> Matrix:
    """Mel power of four bars from each of some times on: (len(starts_s), frames_per_segment, mels)."""
    if grid.lines is None:
        return cut_segments(power, starts_s, grid.bar_s, config)
    firsts = 1 + np.array([grid.bars.passed(start_s) for start_s in starts_s.tolist()], np.float64)
    return cut_along_bars(power, grid.bars.starts_s(firsts[:, None] + np.arange(BARS_PER_SEGMENT + 1)), config)


def bar_numbers(bounds: list[Bounds]) -> range:
    """The bars of a track, from that of its first segment to that of its last."""
    return range(bounds[0].start_bar, bounds[-1].end_bar + 1)


def is_whole(bound: Bounds, grid: Grid) -> bool:
    """Whether a segment of a track has all of its four bars."""
    return grid.bars.between(bound.start_s, bound.end_s) >= BARS_PER_SEGMENT - _NEARLY


def phrase_mels(power: Matrix, bars: range, grid: Grid, config: MelConfig) -> Matrix:
    """Mel power of a track in fours of bars, bar 1 beginning one: (phrases, frames_per_segment, mels).

    From the phrase of the first of `bars` to that of the last; what of them lies outside the file is silence.
    """
    firsts = np.arange(_phrase_start(bars.start), bars.stop, BARS_PER_SEGMENT, dtype=np.float64)
    return _four_bars(power, grid.bars.starts_s(firsts), grid, config)


def phrase_of(bound: Bounds, bars: range) -> int:
    """The place of a whole segment among the phrases of `bars`."""
    return (bound.end_bar - _phrase_start(bars.start)) // BARS_PER_SEGMENT


def bars_of_phrases(values: Array, bars: range) -> Array:
    """What belongs to `bars` (bars, ...) of something that each bar of their phrases has (4 * phrases, ...)."""
    before = bars.start - _phrase_start(bars.start)
    return values[before : before + len(bars)]  # type: ignore[return-value]


def _phrase_start(bar: int) -> int:
    return bar - (bar - 1) % BARS_PER_SEGMENT


def loop_mels(power: Matrix, bound: Bounds, config: MelConfig) -> Matrix:
    """Mel power of a loop in windows of four bars: (windows, frames_per_segment, mels); short ones repeat."""
    bar_s = bound.end_s / bound.end_bar
    firsts = range(0, bound.end_bar, BARS_PER_SEGMENT)
    mels = cut_segments(power, np.array(firsts, np.float64) * bar_s, bar_s, config)
    for place, first in enumerate(firsts):
        mels[place] = repeat_bars(mels[place], bound.end_bar - first, config)
    return mels


def timed_mels(power: Matrix, duration_s: float, window_s: float, config: MelConfig) -> Matrix:
    """Mel power in windows of `window_s` seconds, for music without a beat: (windows, frames_per_segment, mels)."""
    count = max(1, round(duration_s / window_s))
    return cut_segments(power, np.arange(count, dtype=np.float64) * window_s, window_s / BARS_PER_SEGMENT, config)


def repeat_bars(mel: Matrix, bars: float, config: MelConfig) -> Matrix:
    """Fill a segment of which only the first `bars` bars sound by repeating its whole bars."""
    whole = max(1, math.floor(bars + _NEARLY))
    if whole >= BARS_PER_SEGMENT:
        return mel
    sounding = mel[: whole * config.frames_per_bar]
    return np.tile(sounding, (-(-BARS_PER_SEGMENT // whole), 1))[: config.frames_per_segment]
