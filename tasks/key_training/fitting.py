"""Fitting the key network by gradient descent, on mixes that are drawn anew for every step."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tasks.features.chroma import REGISTERS
from tasks.features.key_network import CONTRAST, NO_KEY, KeyNetwork, mirex_scores
from tasks.key_training.material import KeyedSound
from tasks.key_training.mixing import Mixer, MixSettings


@dataclass(frozen=True)
class FitSettings:
    """How the network is fitted: units of both hidden layers, steps, mixes a step, rate, decay, dropout, smoothing."""

    chords: int = 24
    hidden: int = 24
    steps: int = 800
    batch: int = 64
    rate: float = 5e-3
    decay: float = 0.02
    dropout: float = 0.15
    smoothing: float = 0.05
    seed: int = 1
    mixes: MixSettings = field(default_factory=MixSettings)


class _Weights(nn.Module):
    """The weights of a `KeyNetwork` as they are learned."""

    def __init__(self, settings: FitSettings) -> None:
        super().__init__()
        chords, hidden = settings.chords, settings.hidden
        self.chord = nn.Parameter(0.15 * torch.randn(chords, REGISTERS, 12))
        self.chord_bias = nn.Parameter(torch.zeros(chords))
        self.notes = nn.Parameter(0.1 * torch.randn(hidden, chords + REGISTERS, 12))
        self.notes_bias = nn.Parameter(torch.zeros(hidden))
        self.key = nn.Parameter(0.1 * torch.randn(2, hidden, 12))
        self.key_bias = nn.Parameter(torch.zeros(2))
        self.none = nn.Parameter(torch.zeros(hidden))
        self.none_bias = nn.Parameter(torch.zeros(1))
        self.drop = nn.Dropout(settings.dropout)

    def forward(self, chroma: Tensor) -> Tensor:
        """Scores (mixes, 25) of chroma (mixes, windows, registers, 12)."""
        share = chroma / (chroma.sum(dim=(1, 2, 3), keepdim=True) / chroma.shape[1] / 12 + 1e-9)
        windows, mean = torch.log1p(CONTRAST * share), torch.log1p(CONTRAST * share.mean(dim=1))
        chords = torch.relu(_between(windows, self.chord) + self.chord_bias[:, None]).mean(dim=1)
        seen = self.drop(torch.cat([chords, mean], dim=1))
        hidden = self.drop(torch.relu(_between(seen, self.notes) + self.notes_bias[:, None]))
        keys = _between(hidden, self.key) + self.key_bias[:, None]
        none = (hidden.mean(dim=2) @ self.none + self.none_bias)[:, None]
        return torch.cat([keys.flatten(1), none], dim=1)

    def network(self) -> KeyNetwork:
        """What was learned, without torch."""
        return KeyNetwork(**{name: weights.detach().double().numpy() for name, weights in self.named_parameters()})


def fit(sounds: Sequence[KeyedSound], settings: FitSettings) -> KeyNetwork:
    """Fit a network to sounds of known key; one seed gives one network."""
    torch.manual_seed(settings.seed)
    mixer = Mixer(sounds, settings.mixes, settings.seed)
    truths = torch.from_numpy(_softened(settings.smoothing))
    learned = _Weights(settings)
    optimiser = torch.optim.AdamW(learned.parameters(), settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps)
    for _ in range(settings.steps):
        chroma, keys = mixer.mixes(settings.batch)
        scores = torch.log_softmax(learned(torch.from_numpy(chroma)), dim=1)
        loss = -(truths[torch.from_numpy(keys)] * scores).sum(dim=1).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return learned.network()


def _softened(share: float) -> NDArray[np.float32]:
    """What is to be answered for each key (25, 25): that key, and for a small share those that are nearly right."""
    near = mirex_scores()
    np.fill_diagonal(near, 0.0)
    truths = np.eye(NO_KEY + 1)
    truths[:NO_KEY] = (1 - share) * truths[:NO_KEY] + 0.2 * share / (NO_KEY + 1)
    truths[:NO_KEY, :NO_KEY] += 0.8 * share * near / near.sum(axis=1, keepdims=True)
    return truths.astype(np.float32)


def _between(values: Tensor, weights: Tensor) -> Tensor:
    """As in the network: values (…, from, 12) weighted by interval, to (…, to, 12)."""
    classes = torch.arange(12)
    by_interval = weights[:, :, (classes - classes[:, None]) % 12]
    flat = by_interval.permute(0, 2, 1, 3).reshape(12 * len(weights), -1)
    return (values.flatten(-2) @ flat.T).reshape(*values.shape[:-2], len(weights), 12)
