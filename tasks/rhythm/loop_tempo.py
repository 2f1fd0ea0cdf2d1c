"""The tempo of a loop by its length, and what its onsets say of that; a length alone makes no tempo sure."""

from dataclasses import replace
from typing import Final

import numpy as np

from storage.vocabulary import BEATS_PER_BAR, BpmSource
from tasks.rhythm.grid import SURE, Tempo, estimate_grid, same_but_octaves
from tasks.rhythm.metre import share_in_four
from tasks.rhythm.octave import DOUBTED, read_octave, slower_reading
from tasks.rhythm.onsets import Attacks, GridPower, find_attacks, onset_envelope

_LENGTH_RANGE: Final = (80.0, 160.0)
_WHOLE: Final = 0.03
"""How far from a whole number of beats per minute a length may lie that was meant to be one."""

_AGREED, _UNSUPPORTED, _LITTLE_SURE = 0.8, 0.4, 0.2
"""How sure a tempo by the length is: whole and the onsets agree; whole, and they say nothing; neither."""

_NAMED, _NAMED_ALONE = 0.9, 0.6
"""How sure a number in a name is: the length agrees; nothing does."""

_IN_FOUR: Final = 0.5
"""Share of a loop's pulse in four under which it is not taken to be in 4/4."""

_STEPS_A_BEAT: Final = 4
_AUDIBLE: Final = 0.2
_ALL_ALIKE: Final = 2.0
_LEAST_ATTACKS, _LEAST_ALIGNED, _LEAST_EVIDENCE = 3, 0.45, 1.4
"""Attacks must be so many, so much on the sixteenths (1 all, 0 by chance), and that times the root of their number.

Chosen on half of a corpus' groups of loops: of those that end on a bar line, 57 % pass, most of the others being pads,
held voices and effects; of cuts at other lengths that are whole tempi too, 3.5 %.
"""

_BEAT_TOLERANCE: Final = 0.05


def tempo_from_length(duration_s: float) -> Tempo:
    """The tempo at which a loop is 1, 2, 4, 8 … bars long, between 80 and 160 beats per minute.

    Every length has one. That it falls on a whole number speaks for it, but no length alone makes a tempo sure.
    """
    bpm = 60.0 * BEATS_PER_BAR / duration_s
    while bpm < _LENGTH_RANGE[0]:
        bpm *= 2
    while bpm >= _LENGTH_RANGE[1]:
        bpm /= 2
    tempo = Tempo(_rounded(bpm), BpmSource.LENGTH, _LITTLE_SURE)
    return replace(tempo, confidence=_UNSUPPORTED) if is_whole(tempo) else tempo


def loop_tempo(rhythm: GridPower) -> Tempo:
    """The tempo of a loop of which nobody states one: by its length, in the octave that its drums suggest.

    Where the octave is in doubt (`tasks.rhythm.octave`) the tempo is less sure; a loop of less than three attacks stays
    between 80 and 160 beats per minute.
    """
    tempo = length_tempo(rhythm)
    if len(find_attacks(rhythm).at_least(_AUDIBLE)) < _LEAST_ATTACKS:
        return tempo
    reading = read_octave(onset_envelope(rhythm.power), rhythm.frame_rate, tempo.bpm)
    if not DOUBTED[0] <= slower_reading(tempo.bpm) <= DOUBTED[1]:
        return replace(tempo, half_time=reading.half_time)
    return Tempo(
        _rounded(reading.bpm),
        tempo.source,
        round(tempo.confidence * reading.probability, 3),
        _rounded(reading.other_bpm),
        reading.half_time,
    )


def length_tempo(rhythm: GridPower) -> Tempo:
    """The tempo of a loop by its length, which takes four beats to a bar for granted, and what its sound says of that.

    The tempo is sure where the length makes it a whole number and several attacks stand on its sixteenth notes. A loop
    whose pulse runs in three, five or seven rather than in four (`tasks.rhythm.metre`) has a length that tells nothing,
    however round its number.
    """
    tempo = tempo_from_length(rhythm.duration_s)
    beats = max(1, round(rhythm.duration_s * tempo.bpm / 60))
    if share_in_four(onset_envelope(rhythm.power), beats) < _IN_FOUR:
        return replace(tempo, confidence=_LITTLE_SURE)
    if is_whole(tempo) and _agree(find_attacks(rhythm), tempo.bpm):
        return replace(tempo, confidence=_AGREED)
    return tempo


def numbered_tempo(rhythm: GridPower, number: float) -> Tempo:
    """The tempo of a loop whose name has a number without a unit, which may be its tempo or not.

    The number wins where it makes whole bars of the length. Elsewhere it loses against
    a tempo that the length and the onsets are sure of, or that the sound is sure of by itself; against nothing better
    it stands, less sure.
    """
    if makes_whole_bars(number, rhythm.duration_s):
        return Tempo(number, BpmSource.FILENAME, _NAMED)
    if is_sure(length_tempo(rhythm)):
        return loop_tempo(rhythm)
    if _nearly_whole(rhythm.duration_s * number / 60, _BEAT_TOLERANCE):
        return Tempo(number, BpmSource.FILENAME, _NAMED)
    found = estimate_grid(rhythm.power, rhythm.frame_rate)
    if found is not None and found.tempo.confidence >= SURE and not same_but_octaves(found.tempo.bpm, number):
        return found.tempo
    return Tempo(number, BpmSource.FILENAME, _NAMED_ALONE)


def makes_whole_bars(number: float, duration_s: float) -> bool:
    """Whether a file is a whole number of bars long at a tempo."""
    return _nearly_whole(duration_s * number / 60 / BEATS_PER_BAR, _BEAT_TOLERANCE / BEATS_PER_BAR)


def is_whole(tempo: Tempo) -> bool:
    """Whether a tempo by the length is a whole number of beats per minute."""
    return tempo.bpm == round(tempo.bpm)


def is_sure(tempo: Tempo) -> bool:
    """Whether the onsets of a loop agree with the tempo that its length tells."""
    return tempo.confidence >= _AGREED


def _agree(attacks: Attacks, bpm: float) -> bool:
    """Whether enough attacks stand on the sixteenth notes of a tempo that begin with the file."""
    clear = attacks.at_least(_AUDIBLE)
    if len(clear) < _LEAST_ATTACKS:
        return False
    weights = np.minimum(clear.strengths, _ALL_ALIKE)
    turns = np.cos(2 * np.pi * clear.times_s * bpm * _STEPS_A_BEAT / 60)
    aligned = float(weights @ turns / weights.sum())
    return aligned >= _LEAST_ALIGNED and aligned * len(clear) ** 0.5 >= _LEAST_EVIDENCE


def _rounded(bpm: float) -> float:
    """A tempo that is meant to be whole, made so."""
    return float(round(bpm)) if abs(bpm - round(bpm)) < _WHOLE else bpm


def _nearly_whole(value: float, tolerance: float) -> bool:
    return round(value) >= 1 and abs(value - round(value)) <= tolerance
