"""Simulated chroma: chords that follow each other, a bass and a melody of a key, in voices of many kinds; no audio."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tasks.features.chroma import Chroma, octaves_to_registers

Floats = NDArray[np.float64]

WINDOWS: Final = 8
_SCALES: Final = (
    ((0, 2, 4, 5, 7, 9, 11), (0, 2, 4, 5, 7, 9, 10)),
    ((0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 8, 11), (0, 2, 3, 5, 7, 9, 10)),
)
_SCALE_SHARES: Final = ((0.85, 0.15), (0.75, 0.1, 0.15))
"""Major and mixolydian; natural and harmonic minor, and dorian."""

_DEGREE_SHARES: Final = (
    (0.32, 0.08, 0.05, 0.2, 0.18, 0.15, 0.02),
    (0.32, 0.02, 0.13, 0.13, 0.1, 0.16, 0.14),
)
"""How often a chord stands on each degree, in major and in minor."""

_BEGINS_ON_TONIC: Final = 0.75
_CHORDS, _CHORD_SHARES = (1, 2, 4, 8), (0.15, 0.2, 0.45, 0.2)
_VOICE_SHARES: Final = (0.4, 0.35, 0.25)
_HARMONICS: Final = (0, 12, 19, 24, 28, 31, 34, 36)
_MELODY_TONES: Final = np.array([3.0, 1.0, 1.7, 1.3, 2.0, 1.0, 1.0])
_IN_CHORD: Final = 2.5
_NOTES: Final = 96

Notes = list[tuple[int, float]]
"""Steps of a scale over its tonic, and how strong each is."""


def simulated_passage(minor: bool, tonic: int, random: np.random.Generator) -> Chroma:
    """Eight windows (windows, registers, 12) of music in a key: one to three voices, and some noise."""
    scale = _SCALES[minor][random.choice(len(_SCALES[minor]), p=_SCALE_SHARES[minor])]
    chords = _progression(minor, random)
    notes = np.zeros((WINDOWS, _NOTES))
    for voice in random.permutation(3)[: random.choice((1, 2, 3), p=_VOICE_SHARES)]:
        notes += _voice(int(voice), chords, scale, random)
    notes = np.roll(notes, tonic, axis=1)
    notes += random.random(notes.shape) * notes.max() * 10 ** random.uniform(-3, -1)
    return octaves_to_registers(notes)


def _progression(minor: bool, random: np.random.Generator) -> list[int]:
    """The degree of the chord in each window."""
    degrees = random.choice(7, 4, p=_DEGREE_SHARES[minor])
    if random.random() < _BEGINS_ON_TONIC:
        degrees[0] = 0
    count = int(random.choice(_CHORDS, p=_CHORD_SHARES))
    return [int(degrees[window * count // WINDOWS % 4]) for window in range(WINDOWS)]


def _voice(voice: int, chords: Sequence[int], scale: Sequence[int], random: np.random.Generator) -> Floats:
    """What a bass (0), chords (1) or a melody (2) plays over chords, with its harmonics: strengths of notes over C."""
    octave = int(random.integers(*((1, 3), (3, 5), (3, 6))[voice]))
    gain = 10 ** random.normal(0.0, 0.3)
    strengths = random.uniform(0.2, 0.8) ** np.arange(len(_HARMONICS))
    if random.random() < 0.3:
        strengths[1::2] *= 0.15
    found = np.zeros((WINDOWS, _NOTES + max(_HARMONICS) + 24))
    for window, notes in enumerate((_bass, _chords, _melody)[voice](chords, random)):
        for step, strength in notes:
            note = 12 * (octave + step // 7) + scale[step % 7]
            found[window, note + np.array(_HARMONICS)] += gain * strength * random.uniform(0.6, 1.0) * strengths
    return found[:, :_NOTES]


def _bass(chords: Sequence[int], random: np.random.Generator) -> list[Notes]:
    """The root of each chord, sometimes its fifth, and of some voices other steps."""
    wanders = 0.3 * random.random()
    played: list[Notes] = []
    for degree in chords:
        notes = [(degree, 1.0)]
        if random.random() < 0.25:
            notes.append((degree + 4, 0.4))
        if random.random() < wanders:
            notes.append((int(random.integers(7)), 0.4))
        played.append(notes)
    return played


def _chords(chords: Sequence[int], random: np.random.Generator) -> list[Notes]:
    """Triads; of some voices without their third, of some with a seventh."""
    kind = random.random()
    extra = [] if kind < 0.1 else [(2, 0.9)] if kind < 0.7 else [(2, 0.9), (6, 0.7)]
    return [[(degree + step, strength) for step, strength in [(0, 1.0), (4, 0.9), *extra]] for degree in chords]


def _melody(chords: Sequence[int], random: np.random.Generator) -> list[Notes]:
    """Steps drawn from habit and chord, or a walk along the scale."""
    if random.random() < 0.5:
        return _walk(len(chords), random)
    preference = random.gamma(1.0, 1.0, 7) * _MELODY_TONES
    played: list[Notes] = []
    for degree in chords:
        weights = preference.copy()
        weights[[(degree + third) % 7 for third in (0, 2, 4)]] *= _IN_CHORD
        tones = random.choice(7, int(random.integers(1, 5)), p=weights / weights.sum())
        played.append([(int(tone), 1.0) for tone in tones])
    return played


def _walk(windows: int, random: np.random.Generator) -> list[Notes]:
    """From one step to a near one, up to four in a window; the tonic and the fifth are held longer."""
    step, most = int(random.choice((0, 2, 4))), int(random.integers(1, 5))
    played: list[Notes] = []
    for _ in range(windows):
        notes: Notes = []
        for _ in range(int(random.integers(1, most + 1))):
            notes.append((step, 2.0 if step % 7 in (0, 4) else 1.0))
            step = int(np.clip(step + random.choice((-2, -1, 1, 2), p=(0.1, 0.4, 0.4, 0.1)), -3, 10))
        played.append(notes)
    return played
