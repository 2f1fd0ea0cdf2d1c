from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import BpmSource, Kind
from tasks.audio.decoding import decode
from tasks.metadata.loop_info import LoopInfo
from tasks.metadata.written import Written
from tasks.rhythm.grid import Tempo
from tasks.rhythm.one_shots import is_one_shot, sounds_like_one_shot
from tasks.rhythm.onsets import GridPower, grid_power
from tests.support.dummies import LOOPS, RATE, Signal, clicks, noise, tone


def heard(samples: Signal) -> GridPower:
    return grid_power(samples, RATE)


def hit(seconds: float, *, sustained: bool = False) -> Signal:
    """A note that begins with the file, and dies away unless it is sustained."""
    away = np.exp(-np.arange(round(seconds * RATE)) / RATE * 7 / seconds) if not sustained else np.float32(1)
    return (tone(seconds, 220.0) * away).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.3, 0.5, 1.0, 2.0, 3.7, 5.0])
@pytest.mark.parametrize("sound", [tone(5.0, 55.0), noise(5.0)], ids=["note", "noise"])
def test_a_single_hit_that_dies_away_is_a_one_shot(seconds: float, sound: Signal) -> None:
    samples = sound[: round(seconds * RATE)]
    fading = samples * np.exp(-7 * np.linspace(0, 1, len(samples)))
    assert sounds_like_one_shot(heard(fading.astype(np.float32)))


def test_a_long_boom_is_a_one_shot_where_its_length_is_no_whole_tempo() -> None:
    assert sounds_like_one_shot(heard(hit(8.31)))
    assert not sounds_like_one_shot(heard(hit(8.0)))
    assert not sounds_like_one_shot(heard(hit(16.31)))


def test_a_pad_that_is_sustained_to_its_end_is_a_loop() -> None:
    for seconds in (2.0, 4.0, 7.3, 28.0):
        assert not sounds_like_one_shot(heard(hit(seconds, sustained=True)))


def test_four_on_the_floor_of_two_seconds_is_a_loop() -> None:
    assert not sounds_like_one_shot(heard(clicks(120, 2.0)))


@pytest.mark.parametrize("path", sorted(LOOPS.glob("*.ogg")), ids=lambda path: path.stem)
def test_of_the_bundled_loops_only_a_single_swoosh_is_taken_for_a_one_shot(path: Path) -> None:
    assert sounds_like_one_shot(heard(decode(path, RATE).samples)) is (path.stem == "ambi_dark_woosh")


KICK = heard(hit(1.0))


@pytest.mark.parametrize(
    ("written", "tempo", "one_shot"),
    [
        (Written(), None, True),
        (Written(name_kind=Kind.LOOP), None, False),
        (Written(chunks=(LoopInfo("acid", Kind.LOOP, 120.0),)), None, False),
        (Written(), Tempo(120.0, BpmSource.TAG, 0.9), False),
        (Written(name_number=240.0), None, False),
        (Written(name_number=101.0), None, True),
        (Written(chunks=(LoopInfo("acid", Kind.ONESHOT),)), Tempo(120.0, BpmSource.FILENAME, 0.9), True),
        (Written(chunks=(LoopInfo("acid", Kind.ONESHOT),)), Tempo(120.0, BpmSource.MANIFEST, 1.0), False),
    ],
)
def test_who_says_that_a_hit_is_a_loop_is_believed(written: Written, tempo: Tempo | None, one_shot: bool) -> None:
    assert is_one_shot(KICK, written, tempo) is one_shot


def test_a_flag_makes_one_shots_of_drums_but_not_of_a_whole_track() -> None:
    flagged = Written(chunks=(LoopInfo("acid", Kind.ONESHOT),))
    assert is_one_shot(heard(clicks(120, 8.0)), flagged, None)
    assert not is_one_shot(heard(clicks(120, 40.0)), flagged, None)
