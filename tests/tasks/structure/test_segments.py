from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.bar_lines import BarLines
from storage.vocabulary import BpmSource
from tasks.features.mel_config import MelConfig
from tasks.rhythm.grid import Grid, Tempo
from tasks.structure.segments import (
    bar_numbers,
    bars_of_phrases,
    is_whole,
    loop_bounds,
    loop_mels,
    phrase_mels,
    phrase_of,
    repeat_bars,
    timed_mels,
    track_bounds,
    track_mels,
)

CONFIG = MelConfig()
BPM = st.floats(40, 300)


def grid(bpm: float = 120.0, first_downbeat_s: float = 0.0) -> Grid:
    return Grid(Tempo(bpm, BpmSource.MANIFEST, 1.0), first_downbeat_s)


def ramp(seconds: float) -> np.ndarray:
    """Power that tells in each frame at which second it stands."""
    times = np.arange(round(seconds * CONFIG.frame_rate) + 1) / CONFIG.frame_rate
    return np.repeat(times[:, None], CONFIG.mels, axis=1).astype(np.float32)


@given(BPM, st.floats(10, 3600), st.floats(0, 0.99))
def test_a_track_has_a_segment_for_every_four_bars(bpm: float, duration_s: float, upbeat: float) -> None:
    segments = track_bounds(grid(bpm, upbeat * 240 / bpm), duration_s)
    assert abs(len(segments) - round(duration_s * bpm / 960)) <= 1


@given(BPM, st.floats(10, 3600), st.floats(0, 9))
def test_segments_tile_the_track_without_gap_or_overlap(bpm: float, duration_s: float, upbeat_s: float) -> None:
    track = grid(bpm, upbeat_s)
    segments = track_bounds(track, duration_s)
    for left, right in pairwise(segments):
        assert right.segment == left.segment + 1
        assert right.start_bar == left.end_bar + 1
        assert right.start_s == pytest.approx(left.end_s)
    if segments:
        assert duration_s - track.bar_s * 1.01 < segments[-1].end_s <= duration_s
        assert segments[0].start_s < track.bar_s
        assert segments[0].segment == (-1 if segments[0].start_s < upbeat_s else 0)


@given(BPM, st.floats(10, 3600), st.floats(0, 9))
def test_every_whole_segment_is_four_bars_and_starts_at_bar_one_four_times_its_number_on(
    bpm: float, duration_s: float, upbeat_s: float
) -> None:
    track = grid(bpm, upbeat_s)
    for segment in track_bounds(track, duration_s):
        if segment.segment >= 0:
            assert segment.start_bar == 4 * segment.segment + 1
            assert segment.start_bar <= segment.end_bar <= segment.start_bar + 3
            assert segment.start_s == pytest.approx(upbeat_s + 4 * segment.segment * track.bar_s)


@pytest.mark.parametrize(
    ("bars", "last_bars"),
    [
        (8, [4, 8]),
        (8.9, [4, 8]),
        (9, [4, 8, 9]),
        (9.5, [4, 8, 10]),
        (10, [4, 8, 10]),
        (11.9, [4, 8, 12]),
        (12, [4, 8, 12]),
    ],
)
def test_a_partial_last_segment_is_kept_from_one_bar_on(bars: float, last_bars: list[int]) -> None:
    segments = track_bounds(grid(120), bars * 2.0)
    assert [segment.end_bar for segment in segments] == last_bars
    assert segments[-1].end_s == pytest.approx(bars * 2.0 if len(last_bars) == 3 else 16.0)


def test_a_track_that_lacks_a_hair_of_its_last_bar_has_the_whole_bar() -> None:
    assert track_bounds(grid(120), 15.999)[-1].end_bar == 8


@pytest.mark.parametrize(
    ("upbeat_bars", "bars"),
    [(0, None), (0.5, None), (0.9, None), (1, (0, 0)), (1.5, (-1, 0)), (2, (-1, 0)), (4, (-3, 0))],
)
def test_what_sounds_before_the_first_downbeat_is_segment_minus_one_from_one_bar_on(
    upbeat_bars: float, bars: tuple[int, int] | None
) -> None:
    first = track_bounds(grid(120, upbeat_bars * 2.0), 60.0)[0]
    if bars is None:
        assert (first.segment, first.start_bar, first.start_s) == (0, 1, upbeat_bars * 2.0)
    else:
        assert (first.segment, first.start_bar, first.end_bar) == (-1, *bars)
        assert (first.start_s, first.end_s) == (0.0, upbeat_bars * 2.0)


def test_less_than_a_bar_has_no_segment() -> None:
    assert track_bounds(grid(120), 1.5) == []


@pytest.mark.parametrize(("duration_s", "bars"), [(0.5, 1), (2.0, 1), (8.0, 4), (8.2, 4), (16.0, 8)])
def test_a_loop_has_one_segment_with_all_its_bars(duration_s: float, bars: int) -> None:
    bound = loop_bounds(2.0, duration_s)
    assert (bound.segment, bound.start_bar, bound.end_bar) == (0, 1, bars)
    assert (bound.start_s, bound.end_s) == (0.0, duration_s)


def test_each_segment_of_a_track_has_the_power_of_its_own_time() -> None:
    track = grid(120, 2.0)
    bounds = track_bounds(track, 26.0)
    mels = track_mels(ramp(26.0), bounds, track, CONFIG)
    assert mels.shape == (4, CONFIG.frames_per_segment, CONFIG.mels)
    for bound, mel in zip(bounds[1:], mels[1:], strict=True):
        assert mel.mean() == pytest.approx((bound.start_s + bound.end_s) / 2, abs=0.05)


def test_a_short_segment_repeats_its_bars_instead_of_going_silent() -> None:
    track = grid(120)
    bounds = track_bounds(track, 20.0)
    last = track_mels(ramp(20.0), bounds, track, CONFIG)[-1, :, 0]
    np.testing.assert_allclose(last[: len(last) // 2], last[len(last) // 2 :])
    assert last.min() > 15.9


@pytest.mark.parametrize("upbeat_s", [0.0, 1.0, 3.9, 4.0, 8.0, 9.0])
@pytest.mark.parametrize("duration_s", [24.0, 26.0, 29.5])
def test_a_whole_segment_is_a_phrase_of_its_track_and_every_bar_has_the_power_of_its_own_time(
    upbeat_s: float, duration_s: float
) -> None:
    track = grid(120, upbeat_s)
    power, bounds = ramp(duration_s), track_bounds(track, duration_s)
    bars = bar_numbers(bounds)
    phrases = phrase_mels(power, bars, track, CONFIG)
    segments = track_mels(power, bounds, track, CONFIG)
    whole = [place for place, bound in enumerate(bounds) if is_whole(bound, track)]
    assert whole
    for place in whole:
        np.testing.assert_allclose(phrases[phrase_of(bounds[place], bars)], segments[place], atol=1e-3)
    mels = bars_of_phrases(phrases.reshape(-1, CONFIG.frames_per_bar, CONFIG.mels), bars)
    assert len(mels) == len(bars)
    for bar, mel in zip(bars, mels, strict=True):
        start_s = upbeat_s + (bar - 1) * track.bar_s
        if start_s >= 0 and start_s + track.bar_s <= duration_s:
            assert mel.mean() == pytest.approx(start_s + track.bar_s / 2, abs=0.05)


@pytest.mark.parametrize(("first_downbeat_s", "first_segment"), [(0.0, 0), (1.5, 0), (6.0, -1)])
def test_segments_and_bars_of_a_tempo_that_drifts_lie_along_its_bar_lines(
    first_downbeat_s: float, first_segment: int
) -> None:
    lengths_s = np.linspace(1.92, 2.08, 20)
    times_s = first_downbeat_s + np.cumsum([0.0, *lengths_s]) - lengths_s[:4].sum()
    track = Grid(Tempo(120.0, BpmSource.ESTIMATE, 0.9), first_downbeat_s, BarLines(-3, tuple(times_s.tolist())))
    duration_s = float(times_s[-1]) - 1.0
    bounds = track_bounds(track, duration_s)
    bars = bar_numbers(bounds)
    assert bounds[0].segment == first_segment
    assert bounds[0].start_s == pytest.approx(first_downbeat_s if first_segment == 0 else 0.0)
    assert bounds[-1].end_s == duration_s
    for bound in bounds[1:]:
        assert bound.start_s == pytest.approx(times_s[bound.start_bar + 3])
    assert [is_whole(bound, track) for bound in bounds if bound.segment >= 0] == [True, True, True, False]
    power = ramp(duration_s)
    mels = bars_of_phrases(
        phrase_mels(power, bars, track, CONFIG).reshape(-1, CONFIG.frames_per_bar, CONFIG.mels), bars
    )
    for bar, mel in zip(bars, mels, strict=True):
        start_s, end_s = times_s[bar + 3], times_s[bar + 4]
        if start_s >= 0 and end_s <= duration_s:
            assert mel.mean() == pytest.approx((start_s + end_s) / 2, abs=0.02)
            assert mel[-1, 0] - mel[0, 0] == pytest.approx((end_s - start_s) * (1 - 1 / len(mel)), abs=0.02)
    last = track_mels(power, bounds[-1:], track, CONFIG)[0, :, 0]
    assert last.max() == pytest.approx(times_s[bounds[-1].start_bar + 3 + 3], abs=0.05)


@pytest.mark.parametrize(("bars", "windows"), [(1, 1), (2, 1), (4, 1), (6, 2), (8, 2)])
def test_a_loop_is_cut_into_windows_of_four_bars(bars: int, windows: int) -> None:
    mels = loop_mels(ramp(bars * 2.0), loop_bounds(2.0, bars * 2.0), CONFIG)
    assert mels.shape == (windows, CONFIG.frames_per_segment, CONFIG.mels)
    assert mels[-1].max() < bars * 2.0 + 0.1
    assert mels[:, -CONFIG.frames_per_bar :].min() > 0


def test_music_without_a_beat_is_cut_into_windows_of_seconds() -> None:
    mels = timed_mels(ramp(41.0), 41.0, 8.0, CONFIG)
    assert [round(float(mel.mean())) for mel in mels] == [4, 12, 20, 28, 36]


@given(st.floats(0.1, 6))
def test_repeating_bars_always_fills_a_segment(bars: float) -> None:
    mel = np.arange(CONFIG.frames_per_segment, dtype=np.float32)[:, None]
    filled = repeat_bars(mel, bars, CONFIG)
    assert filled.shape == mel.shape
    assert filled.max() < max(1, np.ceil(bars)) * CONFIG.frames_per_bar
