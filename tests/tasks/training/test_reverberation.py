"""Reverberation: what it adds to a sound, and what it leaves."""

import torch

from tasks.features.mel_config import MelConfig
from tasks.training.reverberation import reverberated

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels


def clicks(rows: int) -> torch.Tensor:
    power = torch.zeros(rows, FRAMES, MELS)
    power[:, FRAMES - 1, 7] = 1.0
    return power


def test_the_sound_stays_and_a_tail_follows_that_dies_away_and_goes_on_at_the_start_of_the_loop() -> None:
    wet = reverberated(clicks(20), torch.Generator().manual_seed(0))
    assert (wet[:, FRAMES - 1, 7] >= 1).all()
    tail = wet[:, : FRAMES - 1, 7]
    assert (tail[:, 0] > 0).all()
    assert (tail[:, 1:] <= tail[:, :-1]).all()
    assert (tail[:, -1] < 1e-3 * tail[:, 0]).all()


def test_other_bands_stay_silent_and_the_tail_has_at_most_twice_the_power_of_the_sound() -> None:
    wet = reverberated(clicks(20), torch.Generator().manual_seed(0))
    assert not wet[:, :, torch.arange(MELS) != 7].any()
    added = wet.sum(dim=(1, 2)) - 1
    assert (added > 0.009).all()
    assert (added < 2.01).all()
