"""Synthetic effects as mel powers on the musical axis: sweeps, risers, falls, wooshes, impacts, textures.

Recorded effects are the scarcest loops there are. What makes an effect is a movement rather than a timbre, and a
movement is easily drawn: a band of noise or a few partials whose place, width and level change over the bars.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d

_FRAMES_PER_BEAT: Final = 16
_TONAL: Final = 0.25
"""Share of effects without noise, such as tonal risers: they move as no melody does."""


def synthesise_effects(rows: int, frames: int, hertz: Tensor, random: torch.Generator) -> Tensor:
    """Mel powers (rows, frames, bands) of `rows` effects, each with a highest total power near one.

    `hertz` (bands,) are the centres of the bands. An effect lasts one beat to sixteen beats and is repeated
    every one, two or four bars.
    """
    time, length = _moments(rows, frames, random)
    noise = _noise_band(time, hertz, rows, random)
    tones = _partials(time, hertz, rows, random)
    is_tonal = (_uniform(rows, random) < _TONAL)[:, None, None]
    both = (_uniform(rows, random) < 0.1)[:, None, None]
    power = torch.where(both, noise + 0.5 * tones, torch.where(is_tonal, tones, noise))
    power = power * _envelope(time, length, random) * _gates(rows, frames, random)
    return power / power.sum(dim=2).amax(dim=1).clamp(min=1e-9)[:, None, None]


def _moments(rows: int, frames: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """How far each effect has come at each frame (rows, frames), 0 to 1 while it lasts, and its length in beats."""
    length = 2 ** (4 * _uniform(rows, random))
    bars = 2 ** torch.randint(0, 3, (rows,), generator=random)
    period = torch.maximum(4.0 * bars, length)
    start = period * _uniform(rows, random)
    beats = (torch.arange(frames) / _FRAMES_PER_BEAT)[None] + start[:, None]
    return (beats % period[:, None]) / length[:, None], length


def _envelope(time: Tensor, length: Tensor, random: torch.Generator) -> Tensor:
    """Gains (rows, frames, 1): rising, falling, both, or steady; silent after the end but for a short tail."""
    rows = len(time)
    kind = torch.randint(0, 4, (rows, 1), generator=random)
    steepness = 1 + 5 * _uniform(rows, random)[:, None]
    inside = time.clamp(0, 1)
    peak = 0.2 + 0.6 * _uniform(rows, random)[:, None]
    humped = torch.minimum(inside / peak, (1 - inside) / (1 - peak))
    shapes = torch.stack([inside**steepness, (1 - inside) ** steepness, humped**2, torch.ones_like(inside)])
    shape = shapes.gather(0, kind.expand_as(inside)[None])[0]
    tail = torch.exp(-(time - 1).clamp(min=0) * length[:, None] * (1 + 4 * _uniform(rows, random)[:, None]))
    return (shape * torch.where(time <= 1, 1.0, tail)).unsqueeze(2)


def _noise_band(time: Tensor, hertz: Tensor, rows: int, random: torch.Generator) -> Tensor:
    """A band of noise (rows, frames, bands) that moves and widens; its fine structure is that of a spectrogram."""
    octaves = torch.log2(hertz)
    low, high = float(octaves[0]), float(octaves[-1])
    begin = low + (high - low) * _uniform(rows, random)[:, None]
    end = low + (high - low) * _uniform(rows, random)[:, None]
    move = time.clamp(0, 1)
    centre = begin + (end - begin) * move
    wobble = 0.6 * _uniform(rows, random)[:, None] * (_uniform(rows, random) < 0.3)[:, None]
    centre = centre + wobble * torch.sin(move * 60 * _uniform(rows, random)[:, None])
    width = 0.3 + 2.5 * _uniform(rows, random)[:, None] ** 2 + _uniform(rows, random)[:, None] * move
    shape = torch.exp(-(((octaves - centre[..., None]) / width[..., None]) ** 2))
    grain = -torch.log(torch.rand(shape.shape, generator=random).clamp(min=1e-6))
    smooth = avg_pool1d(grain.transpose(1, 2), 3, stride=1, padding=1).transpose(1, 2)
    return shape * smooth


def _partials(time: Tensor, hertz: Tensor, rows: int, random: torch.Generator) -> Tensor:
    """A gliding tone with up to four partials, (rows, frames, bands), with or without vibrato."""
    begin = 6.5 + 5.5 * _uniform(rows, random)[:, None]
    glide = 6 * (_uniform(rows, random) - 0.5)[:, None]
    move = time.clamp(0, 1)
    pitch = begin + glide * move ** (0.5 + 2 * _uniform(rows, random)[:, None])
    depth = 0.5 * _uniform(rows, random)[:, None] * (_uniform(rows, random) < 0.3)[:, None]
    pitch = pitch + depth * torch.sin(move * 200 * _uniform(rows, random)[:, None])
    octaves = torch.log2(hertz)
    widths = (torch.log2(hertz * 1.06 + 25.0) - octaves).clamp(min=0.05)
    power = torch.zeros(*time.shape, len(hertz))
    for partial in range(1, 5):
        level = _uniform(rows, random)[:, None, None] ** partial
        place = pitch[..., None] + float(torch.log2(torch.tensor(float(partial))))
        power += level * torch.exp(-(((octaves - place) / widths) ** 2))
    return power


def _gates(rows: int, frames: int, random: torch.Generator) -> Tensor:
    """Some effects are chopped in eighths or sixteenths of a bar: gains (rows, frames, 1)."""
    step = torch.where(_uniform(rows, random) < 0.5, 4, 8)[:, None]
    closed = (torch.arange(frames)[None] // step) % 2 == 1
    chopped = (_uniform(rows, random) < 0.15)[:, None]
    return torch.where(chopped & closed, 0.02, 1.0).unsqueeze(2)


def _uniform(rows: int, random: torch.Generator) -> Tensor:
    return torch.rand(rows, generator=random)
