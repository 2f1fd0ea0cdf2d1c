"""Synthetic drums as mel powers on the musical axis: those that are easily taken for another role.

Long tuned kicks without a bass beside them, ringing toms and struck tones are percussion: a pitch that falls from the
stroke on and does not follow a tune. Hats and shakers keep some of them company.
"""

from typing import Final

import torch
from torch import Tensor

from tasks.training.augmentation import uniform

_STEPS_PER_BAR: Final = 16
_DRUMS: Final = (1, 3)
"""Fewest and most drums with a pitch in a loop."""


def synthesise_drums(rows: int, frames: int, hertz: Tensor, random: torch.Generator) -> Tensor:
    """Mel powers (rows, frames, bands) of `rows` drum loops, each with a highest total power near one.

    `hertz` (bands,) are the centres of the bands.
    """
    lowest = torch.where(uniform(rows, random) < 0.6, 38.0, 75.0) * 2 ** uniform(rows, random)
    drums = torch.randint(_DRUMS[0], _DRUMS[1] + 1, (rows,), generator=random)
    ring = 1.5 * 2 ** (4.5 * uniform(rows, random))
    power = torch.zeros(rows, frames, len(hertz))
    for drum in range(_DRUMS[1]):
        plays = (drum < drums).float()[:, None, None]
        pitch = lowest * 2 ** (drum * (0.15 + 0.6 * uniform(rows, random)))
        since = _since_the_stroke(rows, frames, random, sparse=drum > 0)
        power = power + plays * _drum(since, pitch, ring, hertz, random)
    hats = (uniform(rows, random) < 0.5).float()[:, None, None]
    power = power + hats * _hat(_since_the_stroke(rows, frames, random, sparse=False), hertz, random)
    grain = 0.6 - 0.4 * torch.log(torch.rand(power.shape, generator=random).clamp(min=1e-6))
    power = power * grain
    return power / power.sum(dim=2).amax(dim=1).clamp(min=1e-9)[:, None, None]


def _since_the_stroke(rows: int, frames: int, random: torch.Generator, *, sparse: bool) -> Tensor:
    """Frames (rows, frames) since the last stroke of a bar's pattern, which may be four on the floor."""
    density = (0.02 + 0.12 * uniform(rows, random) if sparse else 0.1 + 0.4 * uniform(rows, random))[:, None]
    pattern = torch.rand((rows, _STEPS_PER_BAR), generator=random) < density
    straight = (uniform(rows, random) < (0.0 if sparse else 0.4))[:, None]
    beats = torch.arange(_STEPS_PER_BAR) % 4 == 0
    pattern = torch.where(straight, beats, pattern)
    none = ~pattern.any(dim=1)
    pattern[none, torch.randint(_STEPS_PER_BAR, (int(none.sum()),), generator=random)] = True
    per_step = frames // (4 * _STEPS_PER_BAR)
    struck = torch.zeros(rows, frames, dtype=torch.bool)
    struck[:, ::per_step] = pattern.repeat(1, 4)
    time = torch.arange(2 * frames)
    # Twice around, so that the last stroke of a loop still sounds at its start.
    last = torch.where(struck.repeat(1, 2), time, 0).cummax(dim=1).values
    return (time - last)[:, frames:].float()


def _drum(since: Tensor, pitch: Tensor, ring: Tensor, hertz: Tensor, random: torch.Generator) -> Tensor:
    """A struck skin (rows, frames, bands): a tone that falls to its pitch, an overtone, and a click."""
    rows = len(since)
    fall = 2.5 * uniform(rows, random)[:, None] * torch.exp(-since / (0.4 + 2.5 * uniform(rows, random)[:, None]))
    octaves, place = torch.log2(hertz), torch.log2(pitch)[:, None] + fall
    widths = (torch.log2(hertz * 1.05 + 14.0) - octaves).clamp(min=0.05)
    tone = torch.exp(-(((octaves - place[..., None]) / widths) ** 2))
    overtone = 0.3 * uniform(rows, random)[:, None, None] ** 2
    second = torch.exp(-(((octaves - place[..., None] - 0.68) / widths) ** 2))
    held = torch.exp(-since / ring[:, None])[..., None]
    click = (10 ** (-1 - 2 * uniform(rows, random)))[:, None, None] * (since < 1).float()[..., None]
    return (tone + overtone * second) * held + click / len(hertz)


def _hat(since: Tensor, hertz: Tensor, random: torch.Generator) -> Tensor:
    """A short noise above some edge (rows, frames, bands), softer than the drums."""
    rows = len(since)
    edge = 11.0 + 1.2 * uniform(rows, random)[:, None, None]
    above = torch.sigmoid(4 * (torch.log2(hertz)[None, None] - edge))
    level = (10 ** (-0.5 - 1.5 * uniform(rows, random)))[:, None, None]
    decay = 0.5 + 3 * uniform(rows, random)[:, None]
    return level * torch.exp(-since / decay)[..., None] * above / above.sum(dim=2, keepdim=True)
