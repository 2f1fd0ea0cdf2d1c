"""Which role a sound belongs to, beat by beat and band by band: measured where a mix is rendered from its voices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.datasets.plan import Mix
from storage.loops.table import Loop
from storage.vocabulary import BEATS_PER_BAR, ROLES
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.rendering import render_voices
from tasks.features.cells import BEATS, MELS_PER_CELL, cell_powers
from tasks.features.mel import cut_segments, mel_power
from tasks.features.mel_config import Matrix, MelConfig

UNKNOWN: Final = -1.0

Shares = NDArray[np.float16]
"""The share of every role in the power of every cell (beats, bands, roles), or `UNKNOWN` throughout."""

_SILENCE: Final = 1e-12


def render_shares(
    mixes: Sequence[Mix], loops: Mapping[str, Loop], config: MelConfig, stretched: StretchedLoops
) -> Shares:
    """The shares (n, beats, bands, roles) of planned mixes; they add up to one, or to nothing where nothing sounds.

    They are unknown for cuts of compositions, which are one voice of several roles, and under effects, which may move
    or add power. Raises `AudioError` naming the first loop that cannot be decoded.
    """
    bands = -(-config.mels // MELS_PER_CELL)
    shares = np.full((len(mixes), BEATS, bands, len(ROLES)), UNKNOWN, np.float16)
    for place, mix in enumerate(mixes):
        if mix.effects or mix.unknown_roles or any(voice.role not in ROLES for voice in mix.voices):
            continue
        if len(mix.voices) == 1:
            shares[place] = [role == mix.voices[0].role for role in ROLES]
        else:
            powers = _powers_of_roles(mix, loops, config, stretched)
            shares[place] = powers / np.maximum(powers.sum(axis=-1, keepdims=True), _SILENCE)
    return shares


def _powers_of_roles(mix: Mix, loops: Mapping[str, Loop], config: MelConfig, stretched: StretchedLoops) -> Matrix:
    """The power of every role in every cell (beats, bands, roles)."""
    # A cell is a beat long: four times fewer spectra tell as much of it.
    coarse = replace(config, hop_length=config.n_fft, frames_per_bar=BEATS_PER_BAR)
    bar_s = 60.0 * BEATS_PER_BAR / mix.bpm
    voices = render_voices(mix, loops, config.sample_rate, stretched)
    powers = np.zeros((BEATS, -(-config.mels // MELS_PER_CELL), len(ROLES)), np.float32)
    for voice, samples in zip(mix.voices, voices, strict=True):
        beats = cut_segments(mel_power(samples, coarse), np.zeros(1), bar_s, coarse)[0]
        powers[..., ROLES.index(voice.role)] += cell_powers(beats)
    return powers
