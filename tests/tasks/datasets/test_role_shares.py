from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from storage.datasets.plan import Effect, Voice
from storage.loops.table import Loop
from storage.vocabulary import ROLES
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.role_shares import UNKNOWN, Shares, render_shares
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tests.support.dummies import loop, mix, tone, write

BASS, MELODY = ROLES.index("bass"), ROLES.index("melody")
LOW = Voice("low", "bass", 1.0, 0, 0.0)
HIGH = Voice("high", "melody", 1.0, 0, 0.0)


@pytest.fixture
def loops(tmp_path: Path) -> dict[str, Loop]:
    """Four bars at 120 beats per minute of a low and of a high sine; the high one is silent in its second half."""
    high = tone(8.0, 3000)
    high[len(high) // 2 :] = 0
    return {
        "low": loop(1, path=str(write(tmp_path / "low.wav", tone(8.0, 60)))),
        "high": loop(2, path=str(write(tmp_path / "high.wav", high))),
    }


def shares_of(row: object, loops: dict[str, Loop]) -> Shares:
    return render_shares([row], loops, MelConfig(), StretchedLoops())[0]  # type: ignore[list-item]


def test_each_voice_has_the_cells_in_which_it_sounds(loops: dict[str, Loop]) -> None:
    shares = shares_of(mix(LOW, HIGH), loops)
    high_band = int(np.argmin(np.abs(mel_centres(MelConfig()) - 3000))) // 16
    assert shares.shape == (16, 8, len(ROLES))
    assert shares[:, 0, BASS].min() > 0.99
    assert shares[1:7, high_band, MELODY].min() > 0.99
    assert shares[9:15, high_band, BASS].min() > 0.99
    np.testing.assert_allclose(shares.astype(np.float32).sum(axis=-1), 1.0, atol=2e-3)


def test_two_voices_of_one_power_share_a_cell_evenly_and_gains_count(loops: dict[str, Loop]) -> None:
    same = replace(LOW, role="melody")
    assert shares_of(mix(LOW, same), loops)[2, 0, [BASS, MELODY]] == pytest.approx([0.5, 0.5], abs=1e-3)
    louder = replace(same, gain_db=10.0)
    assert shares_of(mix(LOW, louder), loops)[2, 0, [BASS, MELODY]] == pytest.approx([1 / 11, 10 / 11], abs=1e-3)


def test_a_loop_by_itself_has_all_of_its_power(loops: dict[str, Loop]) -> None:
    assert (shares_of(mix(LOW), loops)[..., BASS] == 1).all()


def test_of_cuts_of_unsure_roles_and_of_effects_nothing_is_known(loops: dict[str, Loop]) -> None:
    cut = mix(replace(LOW, role="bass+melody"))
    unsure = replace(mix(LOW), unknown_roles=("fx",))
    moved = replace(mix(LOW, HIGH), effects=(Effect("offset", {"beats": 3.0}),))
    for row in (cut, unsure, moved):
        assert (shares_of(row, loops) == UNKNOWN).all()
