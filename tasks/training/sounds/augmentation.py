"""Augmentation of mel powers: pitch, time, level, equaliser, fades, masks of time and frequency."""

from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import interpolate

FRAMES_PER_BEAT: Final = 16
FLOOR: Final = 1e-6
MOST_SEMITONES: Final = 4
_OTHER_TEMPO: Final = 0.12


def pitch_matrices(hertz: Tensor) -> Tensor:
    """Matrices (2 * MOST_SEMITONES + 1, bands, bands) that move mel powers by whole semitones, lowest first.

    `hertz` (bands,) are the centres of the bands; between two bands the power is shared.
    """
    bands = len(hertz)
    matrices = torch.zeros(2 * MOST_SEMITONES + 1, bands, bands)
    for place, semitones in enumerate(range(-MOST_SEMITONES, MOST_SEMITONES + 1)):
        sources = hertz / 2 ** (semitones / 12)
        upper = torch.searchsorted(hertz, sources).clamp(1, bands - 1)
        share = ((sources - hertz[upper - 1]) / (hertz[upper] - hertz[upper - 1])).clamp(0, 1)
        matrices[place, upper - 1, torch.arange(bands)] = 1 - share
        matrices[place, upper, torch.arange(bands)] += share
    return matrices


def moved_in_time(rows: int, frames: int, random: torch.Generator) -> Tensor:
    """Frame indices (rows, frames): moved in time by whole beats, now and then at half or double tempo."""
    beats = torch.randint(frames // FRAMES_PER_BEAT, (rows, 1), generator=random)
    speed, plain = uniform(rows, random)[:, None], torch.arange(frames)
    time = torch.where(speed < _OTHER_TEMPO, plain // 2, torch.where(speed >= 1 - _OTHER_TEMPO, plain * 2, plain))
    return (time + beats * FRAMES_PER_BEAT) % frames


def moved_by_beats(rows: int, frames: int, random: torch.Generator) -> Tensor:
    """Frame indices (rows, frames): moved in time by whole beats."""
    beats = torch.randint(frames // FRAMES_PER_BEAT, (rows, 1), generator=random)
    return (torch.arange(frames) + beats * FRAMES_PER_BEAT) % frames


def equaliser(rows: int, bands: int, random: torch.Generator) -> Tensor:
    """Smooth gains (rows, 1, bands) of some 4 dB either way, and now and then a low or a high cut."""
    knots = 4.0 * torch.randn((rows, 1, 6), generator=random)
    decibels = interpolate(knots, bands, mode="linear", align_corners=True)
    edge = bands * (0.25 + 0.5 * uniform(rows, random))[:, None, None]
    beyond = torch.arange(bands) - edge
    cut = uniform(rows, random)[:, None, None]
    decibels = decibels - torch.where(
        cut < 0.08, beyond.clamp(min=0), torch.where(cut > 0.95, (-beyond).clamp(min=0), 0)
    )
    return from_decibels(decibels)


def fades(rows: int, frames: int, random: torch.Generator) -> Tensor:
    """Slow gains (rows, frames, 1) for every other row: up to 12 dB down and back."""
    falls = -12.0 * torch.rand((rows, 1, 5), generator=random)
    falls = falls * (uniform(rows, random) < 0.5)[:, None, None]
    return from_decibels(interpolate(falls, frames, mode="linear", align_corners=True).transpose(1, 2))


def tilt(rows: int, bands: int, random: torch.Generator) -> Tensor:
    """Gains (rows, 1, bands): up to 6 dB from one end of the spectrum to the other."""
    slope = 6.0 * (2 * uniform(rows, random)[:, None, None] - 1)
    return from_decibels(slope * torch.linspace(-0.5, 0.5, bands))


def levels(rows: int, low: float, high: float, random: torch.Generator) -> Tensor:
    """Gains (rows, 1, 1) drawn evenly between two levels in decibels."""
    return from_decibels(low + (high - low) * uniform(rows, random)[:, None, None])


def hidden(rows: int, frames: int, bands: int, random: torch.Generator) -> Tensor:
    """The mask of SpecAugment (Park et al., Interspeech 2019): a stretch of time, one of frequency."""
    return _stretch(rows, frames, random)[:, :, None] | _stretch(rows, bands, random)[:, None, :]


def _stretch(rows: int, length: int, random: torch.Generator) -> Tensor:
    """For each row a random stretch of at most an eighth of `length`, as a mask (rows, length)."""
    width = uniform(rows, random) * length / 8
    start = uniform(rows, random) * (length - width)
    places = torch.arange(length)
    return (places >= start[:, None]) & (places < (start + width)[:, None])


def uniform(rows: int, random: torch.Generator) -> Tensor:
    """Numbers (rows,) in 0..1."""
    return torch.rand(rows, generator=random)


def from_decibels(decibels: Tensor) -> Tensor:
    """Gains of power."""
    return torch.exp(decibels * 0.2302585093)
