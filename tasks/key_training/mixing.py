"""What the key network learns from: passages of one key together, as loops in a track are, often with percussion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.features.chroma import REGISTERS, Chroma
from tasks.features.key_network import NO_KEY
from tasks.key_training.material import KeyedSound
from tasks.key_training.simulated import WINDOWS, simulated_passage

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class MixSettings:
    """How many passages are simulated and which share of all they are; and how often a mix has more than one passage,
    percussion beside them, or nothing but percussion.

    `gain_spread` is the standard deviation of gains in powers of ten.
    """

    simulated: int = 3000
    simulated_share: float = 0.4
    several: float = 0.6
    most: int = 4
    minor: float = 0.6
    percussion: float = 0.4
    no_key: float = 0.06
    gain_spread: float = 0.35


@dataclass(frozen=True)
class _Bank:
    """Passages (n, windows, registers, 12) with their tonics and how likely each is drawn, added up."""

    chroma: Chroma
    tonics: Numbers
    chances: NDArray[np.float64]


class Mixer:
    """Draws mixes of chroma, each in any of the twelve transpositions."""

    def __init__(self, sounds: Sequence[KeyedSound], settings: MixSettings, seed: int) -> None:
        """For sounds in both modes; what has none is percussion."""
        self._settings, self._random = settings, np.random.default_rng(seed)
        self._banks = [self._bank(sounds, minor) for minor in (False, True)]
        drums = [sound for sound in sounds if sound.file.key == NO_KEY]
        self._drums = np.concatenate([np.zeros((1, WINDOWS, REGISTERS, 12), np.float32), *map(passages, drums)])

    def mixes(self, count: int) -> tuple[Chroma, Numbers]:
        """The chroma of some mixes (count, windows, registers, 12), and their keys."""
        settings, random = self._settings, self._random
        minor, tonics = random.random(count) < settings.minor, random.integers(0, 12, count)
        empty = random.random(count) < settings.no_key
        several = random.random(count) < settings.several
        voices = np.where(several, random.integers(2, settings.most + 1, count), 1)
        mixed = np.zeros((count, WINDOWS, REGISTERS, 12), np.float32)
        for voice in range(settings.most):
            for mode, bank in enumerate(self._banks):
                places = np.flatnonzero((voices > voice) & (minor == bool(mode)) & ~empty)
                mixed[places] += self._drawn(bank, tonics[places]) * self._gains(len(places))
        drummed = np.flatnonzero(empty | (random.random(count) < settings.percussion))
        loudness = np.where(empty, 1, voices)[drummed, None, None, None].astype(np.float32)
        drums = self._drums[random.integers(0, len(self._drums), len(drummed))]
        mixed[drummed] += drums * loudness * self._gains(len(drummed))
        return mixed, np.where(empty, NO_KEY, tonics + 12 * minor)

    def _bank(self, sounds: Sequence[KeyedSound], minor: bool) -> _Bank:
        share, random = self._settings.simulated_share, self._random
        mode = [sound for sound in sounds if sound.file.key // 12 == minor]
        real = [passages(sound) for sound in mode]
        tonics = np.repeat([sound.file.key % 12 for sound in mode], [len(some) for some in real])
        made = random.integers(0, 12, self._settings.simulated // 2)
        simulated = [_level(simulated_passage(minor, int(tonic), random)) for tonic in made]
        weights = np.repeat([(1 - share) / max(1, len(tonics)), share / max(1, len(made))], [len(tonics), len(made)])
        return _Bank(
            np.concatenate([*real, np.array(simulated, np.float32).reshape(-1, WINDOWS, REGISTERS, 12)]),
            np.concatenate([tonics, made]).astype(np.int64),
            np.cumsum(weights / weights.sum()),
        )

    def _drawn(self, bank: _Bank, tonics: Numbers) -> Chroma:
        """Passages of a bank, transposed to some tonics."""
        drawn = np.minimum(np.searchsorted(bank.chances, self._random.random(len(tonics))), len(bank.chances) - 1)
        steps = (np.arange(12) - (tonics - bank.tonics[drawn])[:, None]) % 12
        return np.take_along_axis(bank.chroma[drawn], steps[:, None, None, :], axis=3)

    def _gains(self, count: int) -> NDArray[np.float32]:
        spread = self._random.normal(0.0, self._settings.gain_spread, (count, 1, 1, 1))
        return (10**spread).astype(np.float32)


def passages(sound: KeyedSound) -> Chroma:
    """A sound cut into passages (n, windows, registers, 12) of one length and loudness; a short one again and again."""
    count = max(1, len(sound.chroma) // WINDOWS)
    windows = np.arange(count * WINDOWS) % max(1, len(sound.chroma))
    cut = sound.chroma[windows].reshape(count, WINDOWS, REGISTERS, 12)
    return np.array([_level(one) for one in cut if one.any()], np.float32).reshape(-1, WINDOWS, REGISTERS, 12)


def _level(passage: Chroma) -> Chroma:
    return np.asarray(passage / (passage.sum() / WINDOWS), np.float32)
