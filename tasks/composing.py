"""Composing training batches on the fly: powers on the musical time axis add, so any loops can sound together."""

from typing import Final

import torch
from torch import Tensor

from storage.datasets import Examples

_FLOOR: Final = 1e-6
_MIX_SHARE: Final = 0.35
_MORE_VOICES: Final = (0.4, 0.3, 0.2, 0.1)
_FRAMES_PER_BEAT: Final = 16
_MOST_BANDS: Final = 2


class Composer:
    """Draws batches from a data set: rendered mixes, single loops, and new sums of both.

    Each row starts from a rendered mix or from a single loop of a role drawn evenly, and gets up to three more
    single loops; the wanted roles are the union. Each voice is shifted by whole beats, moved a band or two up or
    down, and has its own level; the sum has another, a gentle equaliser, and a stretch of time and of frequency
    hidden (SpecAugment: Park et al., 2019).
    """

    def __init__(self, examples: Examples, device: torch.device, random: torch.Generator) -> None:
        """Keep the whole data set on `device`; all draws come from `random`, on the processor."""
        self._mels = torch.from_numpy(examples.mels).to(device)
        self._labels = torch.from_numpy(examples.labels).to(device)
        counts = examples.labels.sum(axis=1)
        self._mixed = torch.from_numpy((counts > 1).nonzero()[0])
        singles = [
            torch.from_numpy(((counts == 1) & (examples.labels[:, place] > 0)).nonzero()[0])
            for place in range(examples.labels.shape[1])
        ]
        self._singles = [rows for rows in singles if len(rows)]
        self._random = random

    def draw(self, rows: int) -> tuple[Tensor, Tensor]:
        """Log-mels (rows, frames, mels) and wanted roles (rows, roles)."""
        voices = torch.stack([self._first(rows), *(self._single(rows) for _ in _MORE_VOICES[1:])], dim=1)
        extra = torch.multinomial(torch.tensor(_MORE_VOICES), rows, replacement=True, generator=self._random)
        sounding = torch.arange(voices.shape[1]) <= extra[:, None]
        gains = self._decibels(voices.shape, -10.0, 2.0) * sounding
        power = (self._shifted(voices) * gains[..., None, None].to(self._mels.device)).sum(dim=1)
        wanted = (self._labels[voices] * sounding[..., None].to(self._mels.device)).amax(dim=1)
        level = self._decibels((rows, 1, 1), -18.0, 3.0) * self._tilt(rows, power.shape[2])
        return self._hidden(torch.log(power * level.to(power.device) + _FLOOR)), wanted

    def _first(self, rows: int) -> Tensor:
        singles = self._single(rows)
        if len(self._mixed) == 0:
            return singles
        mixed = self._mixed[torch.randint(len(self._mixed), (rows,), generator=self._random)]
        return torch.where(self._uniform(rows) < _MIX_SHARE, mixed, singles)

    def _single(self, rows: int) -> Tensor:
        """Rows with one role, every role as often as the others."""
        chosen = torch.stack(
            [singles[torch.randint(len(singles), (rows,), generator=self._random)] for singles in self._singles]
        )
        return chosen[torch.randint(len(self._singles), (rows,), generator=self._random), torch.arange(rows)]

    def _shifted(self, voices: Tensor) -> Tensor:
        """Mel powers (rows, voices, frames, mels), each voice shifted in time and frequency."""
        frames, bands = self._mels.shape[1:]
        beats = torch.randint(frames // _FRAMES_PER_BEAT, voices.shape, generator=self._random)
        moves = torch.randint(-_MOST_BANDS, _MOST_BANDS + 1, voices.shape, generator=self._random)
        time = (torch.arange(frames) + beats[..., None] * _FRAMES_PER_BEAT) % frames
        band = (torch.arange(bands) + moves[..., None]).clamp(0, bands - 1)
        device = self._mels.device
        chosen = self._mels[
            voices[..., None, None].to(device), time[..., None].to(device), band[..., None, :].to(device)
        ]
        return torch.exp(chosen.float()) - _FLOOR

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
