"""Composing training batches on the fly: powers on the musical time axis add, so any loops can sound together."""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from storage.datasets import Examples

_FLOOR: Final = 1e-6
_MIX_SHARE: Final = 0.25
_CUT_SHARE: Final = 0.25
_BARE_CUTS: Final = 0.5
"""Share of cuts that get no further voice."""
_MORE_VOICES: Final = (0.5, 0.25, 0.15, 0.1)
_FRAMES_PER_BEAT: Final = 16
_MOST_BANDS: Final = 2
_OTHER_TEMPO: Final = 0.12
_LOWEST_DB: Final = (-4.0, -14.0, -14.0, -14.0)
_HIGHEST_DB: Final = 2.0
_UNKNOWN: Final = 0.5
"""Between off and on, so the greatest label over the voices is unknown unless some voice is on."""


class Composer:
    """Draws batches from a data set: rendered mixes, cuts of compositions, single loops, and new sums of these.

    Each row starts from a rendered mix, a cut of a composition, or a single loop of a role drawn evenly, and gets
    up to three more single loops; the wanted roles are the union, -1 where it is unknown. Each voice is shifted by
    whole beats, moved a band or two up or down, now and then at half or double tempo, and has its own level,
    equaliser and fades; the sum is levelled, tilted a little, and a stretch of time and one of frequency are hidden
    (SpecAugment: Park et al., 2019).
    """

    def __init__(self, examples: Examples, device: torch.device, random: torch.Generator) -> None:
        """Keep the whole data set on `device`; all draws come from `random`, on the processor."""
        labels = examples.labels
        self._mels = torch.from_numpy(examples.mels).to(device)
        self._labels = torch.from_numpy(np.where(labels < 0, np.float32(_UNKNOWN), labels)).to(device)
        cut = np.array([mix_id.startswith("cut-") for mix_id in examples.mix_ids], np.bool_)
        counts = (labels > 0).sum(axis=1)
        self._cuts = torch.from_numpy(cut.nonzero()[0])
        self._mixed = torch.from_numpy((~cut & (counts > 1)).nonzero()[0])
        singles = [
            torch.from_numpy((~cut & (counts == 1) & (labels[:, place] > 0)).nonzero()[0])
            for place in range(labels.shape[1])
        ]
        self._singles = [rows for rows in singles if len(rows)]
        self._random = random

    def draw(self, rows: int) -> tuple[Tensor, Tensor]:
        """Log-mels (rows, frames, mels) and wanted roles (rows, roles)."""
        first, extra = self._first(rows)
        voices = torch.stack([first, *(self._single(rows) for _ in _MORE_VOICES[1:])], dim=1)
        power = torch.zeros(rows, *self._mels.shape[1:], device=self._mels.device)
        wanted = torch.zeros(rows, self._labels.shape[1], device=self._mels.device)
        for place in range(voices.shape[1]):
            sounding = (place <= extra).nonzero()[:, 0]
            chosen, places = voices[sounding, place], sounding.to(power.device)
            power[places] += self._shifted(chosen) * self._gains(len(chosen), _LOWEST_DB[place]).to(power.device)
            wanted[places] = torch.maximum(wanted[places], self._labels[chosen.to(power.device)])
        power /= power.sum(dim=2).mean(dim=1).clamp(min=1e-4)[:, None, None]
        level = self._decibels((rows, 1, 1), -12.0, 3.0) * self._tilt(rows, power.shape[2])
        batch = self._hidden(torch.log(power * level.to(power.device) + _FLOOR))
        return batch, wanted.masked_fill(wanted == _UNKNOWN, -1.0)

    def _first(self, rows: int) -> tuple[Tensor, Tensor]:
        """What each row starts from, and how many voices it gets besides."""
        first, kind = self._single(rows), self._uniform(rows)
        extra = torch.multinomial(torch.tensor(_MORE_VOICES), rows, replacement=True, generator=self._random)
        if len(self._mixed):
            first = torch.where(kind < _MIX_SHARE, self._any(self._mixed, rows), first)
        if len(self._cuts):
            cut = kind >= 1 - _CUT_SHARE
            first = torch.where(cut, self._any(self._cuts, rows), first)
            extra = extra.masked_fill(cut & (self._uniform(rows) < _BARE_CUTS), 0)
        return first, extra

    def _single(self, rows: int) -> Tensor:
        """Rows with one role, every role as often as the others."""
        chosen = torch.stack([self._any(singles, rows) for singles in self._singles])
        return chosen[torch.randint(len(self._singles), (rows,), generator=self._random), torch.arange(rows)]

    def _any(self, among: Tensor, rows: int) -> Tensor:
        return among[torch.randint(len(among), (rows,), generator=self._random)]

    def _shifted(self, voices: Tensor) -> Tensor:
        """Mel powers (voices, frames, mels), each voice shifted in time and frequency, some at half or double speed."""
        frames, bands = self._mels.shape[1:]
        beats = torch.randint(frames // _FRAMES_PER_BEAT, voices.shape, generator=self._random)
        moves = torch.randint(-_MOST_BANDS, _MOST_BANDS + 1, voices.shape, generator=self._random)
        speed, plain = self._uniform(len(voices))[:, None], torch.arange(frames)
        time = torch.where(speed < _OTHER_TEMPO, plain // 2, torch.where(speed >= 1 - _OTHER_TEMPO, plain * 2, plain))
        time = (time + beats[:, None] * _FRAMES_PER_BEAT) % frames
        band = (torch.arange(bands) + moves[:, None]).clamp(0, bands - 1)
        device = self._mels.device
        chosen = self._mels[voices[:, None, None].to(device), time[..., None].to(device), band[:, None].to(device)]
        return torch.exp(chosen.float()) - _FLOOR

    def _gains(self, voices: int, lowest: float) -> Tensor:
        """Gains of power (voices, frames, mels): a level, a smooth equaliser, and fades for every other voice."""
        frames, bands = self._mels.shape[1:]
        level = lowest + (_HIGHEST_DB - lowest) * self._uniform(voices)[:, None, None]
        knots = 3.0 * torch.randn((voices, 1, 6), generator=self._random)
        equaliser = interpolate(knots, bands, mode="linear", align_corners=True)
        falls = -12.0 * torch.rand((voices, 1, 5), generator=self._random)
        falls = falls * (self._uniform(voices) < 0.5)[:, None, None]
        fades = interpolate(falls, frames, mode="linear", align_corners=True).transpose(1, 2)
        return 10 ** ((level + equaliser + fades) / 10)

    def _tilt(self, rows: int, bands: int) -> Tensor:
        """Up to 6 dB from one end of the spectrum to the other."""
        slope = 6.0 * (2 * self._uniform(rows)[:, None, None] - 1)
        return 10 ** (slope * torch.linspace(-0.5, 0.5, bands) / 10)

    def _hidden(self, batch: Tensor) -> Tensor:
        rows, frames, bands = batch.shape
        time = self._stretch(rows, frames)[:, :, None]
        band = self._stretch(rows, bands)[:, None, :]
        return batch.masked_fill((time | band).to(batch.device), float(torch.log(torch.tensor(_FLOOR))))

    def _stretch(self, rows: int, length: int) -> Tensor:
        """For each row a random stretch of at most an eighth of `length`, as a mask (rows, length)."""
        width = self._uniform(rows) * length / 8
        start = self._uniform(rows) * (length - width)
        places = torch.arange(length)
        return (places >= start[:, None]) & (places < (start + width)[:, None])

    def _decibels(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        return 10 ** ((low + (high - low) * torch.rand(shape, generator=self._random)) / 10)

    def _uniform(self, rows: int) -> Tensor:
        return torch.rand(rows, generator=self._random)
