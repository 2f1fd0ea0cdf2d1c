"""Mixes to listen to: spread over the plan, at a rate for ears, and a loop that is not there is named."""

from pathlib import Path

import pytest
import soundfile

from storage.datasets.plan import Voice
from storage.errors import UserError
from tasks.datasets.audition import LISTENING_RATE, keep_some
from tests.support.dummies import LOOPS, loop, mix

DRUMS = {"drums": loop(1, path=str(LOOPS / "loop_breakbeat_126bpm.ogg"), roles=("percussion",), bpm=126.0, key=None)}
PLAN = [mix(Voice("drums", "percussion", 1.0, 0, 0.0), mix_id=f"mix-{number}") for number in range(4)]


def test_mixes_are_spread_over_the_plan(tmp_path: Path) -> None:
    written = list(keep_some(PLAN, DRUMS, tmp_path, 2))
    assert [path.name for path in written] == ["mix-0.flac", "mix-2.flac"]
    assert {soundfile.info(path).samplerate for path in written} == {LISTENING_RATE}


def test_a_loop_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="loop drums of mix-0 is not in this workspace; fetch it"):
        next(keep_some(PLAN, {}, tmp_path, 1))
