"""Single hits: what is left of a loop when only one of them sounds."""

import pytest
import torch

from tasks.features.mel_config import MelConfig
from tasks.training.augmentation import FRAMES_PER_BEAT
from tasks.training.single_hits import single_hits

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
BAR = FRAMES // 4


def four_on_the_floor(rows: int) -> torch.Tensor:
    """A hit on every beat that sounds for half of it, in a band of its own in every row."""
    power = torch.zeros(rows, FRAMES, MELS)
    sounding = torch.arange(FRAMES) % FRAMES_PER_BEAT < FRAMES_PER_BEAT // 2
    for row in range(rows):
        power[row, sounding, row] = 1.0
    return power


def test_a_hit_fills_a_bar_and_is_repeated() -> None:
    hits = single_hits(four_on_the_floor(30), torch.Generator().manual_seed(0))
    torch.testing.assert_close(hits[:, BAR:], hits[:, :-BAR])


def test_a_hit_is_strongest_at_its_start_dies_away_and_keeps_to_its_bands() -> None:
    hits = single_hits(four_on_the_floor(30), torch.Generator().manual_seed(0))
    level = hits.sum(dim=2)
    assert (level[:, 0] == 1).all()
    assert (level[:, 1:BAR] <= level[:, : BAR - 1]).all()
    assert (level[:, BAR - 1] < 0.8).all()
    assert (level == hits[torch.arange(30), :, torch.arange(30)]).all()


def test_a_held_sound_is_one_long_note() -> None:
    hits = single_hits(torch.ones(40, FRAMES, MELS), torch.Generator().manual_seed(0)).sum(dim=2)
    bars = [torch.allclose(hit[: FRAMES // 4], hit[FRAMES // 4 : FRAMES // 2]) for hit in hits]
    assert 5 < sum(bars) < 25


def test_silence_stays_silent() -> None:
    assert not single_hits(torch.zeros(3, FRAMES, MELS), torch.Generator()).any()


@pytest.mark.parametrize("seed", [0, 1])
def test_the_generator_decides_which_hit_it_is(seed: int) -> None:
    power = torch.rand(20, FRAMES, MELS, generator=torch.Generator().manual_seed(5))
    first, again, other = (single_hits(power, torch.Generator().manual_seed(n)) for n in (seed, seed, seed + 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
