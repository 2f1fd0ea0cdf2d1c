"""Synthetic voices: what they must have in common with recorded ones."""

import pytest
import torch

from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tasks.training.synthetic_drums import synthesise_drums
from tasks.training.synthetic_effects import synthesise_effects
from tasks.training.synthetic_notes import NOTE_STYLES, synthesise_notes

HERTZ = torch.from_numpy(mel_centres(MelConfig()))
FRAMES = MelConfig().frames_per_segment


def draw(role: str, seed: int = 0, rows: int = 60) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    if role == "fx":
        return synthesise_effects(rows, FRAMES, HERTZ, random)
    if role == "percussion":
        return synthesise_drums(rows, FRAMES, HERTZ, random)
    return synthesise_notes(NOTE_STYLES[role], rows, FRAMES, HERTZ, random)


@pytest.mark.parametrize("role", ["fx", "percussion", *NOTE_STYLES])
def test_synthetic_voices_are_finite_level_and_drawn_by_their_generator_alone(role: str) -> None:
    power = draw(role)
    assert power.shape == (60, FRAMES, len(HERTZ))
    assert (power >= 0).all()
    torch.testing.assert_close(power.sum(dim=2).amax(dim=1), torch.ones(60))
    assert torch.equal(power, draw(role))
    assert not torch.equal(power, draw(role, seed=1))


def test_basses_lie_lower_than_melodies() -> None:
    def centre(role: str) -> torch.Tensor:
        power = draw(role).sum(dim=1)
        return (power.argmax(dim=1)).float().mean()

    assert centre("bass") < centre("melody")


def test_most_drums_are_as_low_as_a_bass_and_play_the_same_in_every_bar() -> None:
    power = draw("percussion")
    lowest = power.sum(dim=1).argmax(dim=1)
    assert (HERTZ[lowest] < 200).float().mean() > 0.6
    level = power.sum(dim=2)
    first, second = level[:, : FRAMES // 4], level[:, FRAMES // 4 : FRAMES // 2]
    alike = torch.stack([torch.corrcoef(torch.stack(pair))[0, 1] for pair in zip(first, second, strict=True)])
    assert (alike > 0.5).float().mean() > 0.9


def test_effects_move_or_come_and_go() -> None:
    power = draw("fx")
    loudness = power.sum(dim=2)
    changing = loudness.std(dim=1) / loudness.mean(dim=1)
    assert (changing > 0.05).float().mean() > 0.8
