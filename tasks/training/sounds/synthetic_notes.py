"""Synthetic basses, melodies and chords as mel powers on the musical axis.

What tells these roles apart is how notes are used rather than who plays them: one low note at a time, one higher note
at a time, or several at once. So timbre, rhythm, key and register are drawn anew for every voice, and no network can
learn the roles by recognising the instrument.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

_STEPS_PER_BAR: Final = 16
_SCALES: Final = torch.tensor([[0, 2, 3, 5, 7, 8, 10], [0, 2, 4, 5, 7, 9, 11], [0, 2, 3, 5, 7, 9, 10]])
_PARTIALS: Final = 14
_LOWEST_NOTE: Final = 24
_NOTES: Final = 72


@dataclass(frozen=True)
class NoteStyle:
    """How a role uses notes: lowest and highest root (MIDI), notes at once, scale steps it wanders, onsets a step.

    `breathy` is the share of voices that are nearly as much noise as tone, as breathy leads and noisy pads are.
    """

    roots: tuple[int, int]
    voices: tuple[int, int]
    range: int
    density: tuple[float, float]
    breathy: float


NOTE_STYLES: Final = {
    "bass": NoteStyle(roots=(26, 42), voices=(1, 1), range=5, density=(0.1, 0.8), breathy=0.0),
    "melody": NoteStyle(roots=(50, 74), voices=(1, 1), range=10, density=(0.2, 0.9), breathy=0.2),
    "chords": NoteStyle(roots=(43, 64), voices=(3, 4), range=7, density=(0.02, 0.4), breathy=0.25),
}


def synthesise_notes(style: NoteStyle, rows: int, frames: int, hertz: Tensor, random: torch.Generator) -> Tensor:
    """Mel powers (rows, frames, bands) of `rows` four-bar parts, each with a highest total power near one.

    `hertz` (bands,) are the centres of the bands.
    """
    steps = 4 * _STEPS_PER_BAR
    onsets = _onsets(style, rows, random)
    since = torch.arange(steps) - torch.where(onsets, torch.arange(steps), 0).cummax(dim=1).values
    notes = _notes(style, onsets, random)
    spectra = _timbres(rows, hertz, random)
    voices = torch.stack([spectra[torch.arange(rows)[:, None], note] for note in notes]).sum(dim=0)
    per_step = frames // steps
    envelope = _envelope(since, per_step, random)
    power = voices.repeat_interleave(per_step, dim=1) * envelope.unsqueeze(2)
    breath = -4 + 2 * _uniform(rows, random) + (_uniform(rows, random) < style.breathy)
    hiss = 10 ** breath[:, None, None] * envelope.unsqueeze(2) * voices.amax(dim=(1, 2))[:, None, None]
    grain = 0.6 - 0.4 * torch.log(torch.rand(power.shape, generator=random).clamp(min=1e-6))
    power = (power + hiss) * grain
    return power / power.sum(dim=2).amax(dim=1).clamp(min=1e-9)[:, None, None]


def _onsets(style: NoteStyle, rows: int, random: torch.Generator) -> Tensor:
    """Where notes begin (rows, steps): a bar's pattern, repeated with small changes, on sixteenths or on eighths."""
    low, high = style.density
    density = low + (high - low) * _uniform(rows, random)[:, None]
    pattern = torch.rand((rows, _STEPS_PER_BAR), generator=random) < density
    eighths = (torch.arange(_STEPS_PER_BAR) % 2 == 0) | (_uniform(rows, random) < 0.4)[:, None]
    pattern = pattern & eighths
    pattern[:, 0] = True
    onsets = pattern.repeat(1, 4)
    changed = torch.rand(onsets.shape, generator=random) < 0.1 * _uniform(rows, random)[:, None]
    return onsets ^ (changed & (torch.arange(4 * _STEPS_PER_BAR) > 0))


def _notes(style: NoteStyle, onsets: Tensor, random: torch.Generator) -> list[Tensor]:
    """Which notes sound at each step, as rows of the table of spectra: one tensor (rows, steps) for each voice."""
    rows, steps = onsets.shape
    scale = _SCALES.to(random.device)[torch.randint(len(_SCALES), (rows,), generator=random)]
    root = torch.randint(*style.roots, (rows, 1), generator=random)
    harmony = torch.randint(0, 7, (rows, 4), generator=random) * (_uniform(rows, random) < 0.8)[:, None]
    wander = torch.randint(0, style.range, (rows, _STEPS_PER_BAR), generator=random).repeat(1, 4)
    if style.voices[1] > 1:
        degree = harmony.repeat_interleave(_STEPS_PER_BAR, dim=1)
    else:
        still = torch.rand((rows, steps), generator=random) < 0.7 * _uniform(rows, random)[:, None]
        degree = harmony.repeat_interleave(_STEPS_PER_BAR, dim=1) % style.range + wander.masked_fill(still, 0)
    held = degree.gather(1, torch.where(onsets, torch.arange(steps), 0).cummax(dim=1).values)
    voices = torch.randint(style.voices[0], style.voices[1] + 1, (rows, 1), generator=random)
    notes = []
    for voice in range(style.voices[1]):
        step = held + 2 * voice
        note = root + 12 * (step // 7) + scale.gather(1, step % 7)
        note = torch.where(voices > voice, note, root + scale.gather(1, held % 7) + 12 * (held // 7))
        notes.append((note - _LOWEST_NOTE).clamp(0, _NOTES - 1))
    return notes


def _timbres(rows: int, hertz: Tensor, random: torch.Generator) -> Tensor:
    """Spectra (rows, notes, bands) of every note: partials that fall off, some even ones weak, under a low-pass."""
    fundamental = 440.0 * 2 ** ((torch.arange(_NOTES) + _LOWEST_NOTE - 69) / 12)
    number = torch.arange(1, _PARTIALS + 1)
    pitch = fundamental[:, None] * number
    bands = torch.arange(len(hertz), dtype=torch.float32)
    upper = torch.searchsorted(hertz, pitch.flatten()).clamp(1, len(hertz) - 1).view_as(pitch)
    place = upper - 1 + (pitch - hertz[upper - 1]) / (hertz[upper] - hertz[upper - 1])
    width = 0.5 + 0.6 * _uniform(1, random)
    shape = torch.exp(-(((bands - place[..., None]) / width) ** 2))
    fall = 0.3 + 3.5 * _uniform(rows, random)[:, None]
    even = torch.where(number % 2 == 0, 10 ** (-2 * _uniform(rows, random)[:, None] ** 2), 1.0)
    colour = 10 ** (0.5 * torch.randn((rows, _PARTIALS), generator=random))
    strength = number**-fall * even * colour
    cutoff = (200.0 * 2 ** (5.5 * _uniform(rows, random)))[:, None, None]
    passed = 1 / (1 + (pitch / cutoff) ** 4)
    weights = strength[:, None] * torch.maximum(passed, torch.where(number == 1, 0.05, 0.0))
    return torch.einsum("rnp,npb->rnb", weights, shape)


def _envelope(since: Tensor, per_step: int, random: torch.Generator) -> Tensor:
    """Gains (rows, frames) of notes that began `since` steps ago: attack, decay, gate, release."""
    rows, steps = since.shape
    age = (since.repeat_interleave(per_step, dim=1) * per_step + torch.arange(steps * per_step) % per_step).float()
    attack = (12 * _uniform(rows, random) ** 3)[:, None]
    decay = (2 * 2 ** (7 * _uniform(rows, random)))[:, None]
    gate = (2 * 2 ** (6 * _uniform(rows, random)))[:, None]
    release = (0.5 * 2 ** (5 * _uniform(rows, random)))[:, None]
    return ((age + 1) / (attack + 1)).clamp(max=1) * torch.exp(-age / decay - (age - gate).clamp(min=0) / release)


def _uniform(rows: int, random: torch.Generator) -> Tensor:
    return torch.rand(rows, generator=random)
