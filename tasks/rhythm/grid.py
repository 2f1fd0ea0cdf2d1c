"""The beat grid of a file: tempo and first downbeat, stated or estimated, with their source and a confidence."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from storage.bar_lines import BarLines, Bars
from storage.vocabulary import BpmSource
from tasks.features.mel_config import Matrix
from tasks.metadata.tempo_text import BpmRange
from tasks.metadata.written import Written
from tasks.rhythm.downbeat import first_downbeat
from tasks.rhythm.drifting_pulse import follow_beats
from tasks.rhythm.octave import read_octave
from tasks.rhythm.onsets import onset_envelope
from tasks.rhythm.pulse import Pulse, find_pulse, steadiness

_STATED: Final = 0.9
"""How sure a tempo is that somebody wrote into the file or its name."""

RHYTHMIC: Final = 0.12
STEADY: Final = 0.7
"""Strength and steadiness of a pulse (`tasks.rhythm.pulse`) under which there is no tempo to speak of."""

_SURE_STRENGTH, _SURE_MARGIN, _MOST_SURE = 0.33, 0.25, 0.95
"""Strength and margin at which an estimate is as sure as it gets, and how sure that is."""

SURE: Final = 0.7
"""Confidence from which an estimate was right in all cases that it was tried on (README)."""

_SAME_TEMPO, _MOST_DRIFT = 0.002, 0.045
"""By which share of the median a tempo that drifts is off it somewhere: more than a constant one, and at most 4 %.

What is measured of that lies a little over it, at the ends of a file most of all.
"""

_LEAST_DRIFTING: Final = 0.2
"""Confidence under which a drifting tempo is none."""

_OCTAVES: Final = (1.0, 2.0, 0.5, 4.0, 0.25)
_FOUND: Final = (BpmSource.ESTIMATE, BpmSource.LENGTH)
_SAME: Final = 0.015
_ROUNDED: Final = 0.5
_UNNOTICED_BEATS: Final = 0.125
_CONTRADICTED: Final = 0.3


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute with its source, a confidence of 0..1 and the other octave, if one is likely.

    `half_time`: the backbeat comes on the third beat of the bar only, so that the music feels half as fast; None where
    nobody looked.
    """

    bpm: float
    source: BpmSource
    confidence: float
    alternative: float | None = None
    half_time: bool | None = None

    def within(self, bpm_range: BpmRange) -> "Tempo":
        """The same tempo in the octave that lies in a range; as it is where it lies in it already, or none does.

        What somebody states is not touched.
        """
        low, high = bpm_range
        inside = next((self.bpm * octave for octave in _OCTAVES if low <= self.bpm * octave <= high), self.bpm)
        if inside == self.bpm or self.source not in _FOUND:
            return self
        return replace(self, bpm=inside, alternative=self.bpm, half_time=None)


@dataclass(frozen=True)
class Grid:
    """A beat grid in 4/4: the tempo, and the first bar line that begins a phrase of four bars, in seconds.

    The tempo is constant, or, where there are `lines`, the median of one that drifts.
    """

    tempo: Tempo
    first_downbeat_s: float
    lines: BarLines | None = None

    @property
    def bars(self) -> Bars:
        """When each bar begins."""
        return Bars(self.tempo.bpm, self.first_downbeat_s, self.lines)

    @property
    def bar_s(self) -> float:
        """The length of a bar in seconds, at the tempo."""
        return self.bars.bar_s

    @property
    def drift(self) -> float | None:
        """By which share the tempo of a bar is off the median at most; None where it is constant."""
        if self.lines is None:
            return None
        return round(float(np.abs(self.lines.tempi / self.tempo.bpm - 1).max()), 4)

    def beginning_at(self, first_downbeat_s: float) -> "Grid":
        """The same grid with another first downbeat, in seconds, from which its bars are counted."""
        if self.lines is None:
            return replace(self, first_downbeat_s=first_downbeat_s)
        later = self.bars.passed(first_downbeat_s)
        first = int(np.floor(self.lines.first_bar - later))
        numbers = np.arange(first, first + len(self.lines.times_s) + 1, dtype=np.float64)
        lines = BarLines(first, tuple(self.bars.starts_s(numbers + later).tolist()))
        return replace(self, first_downbeat_s=first_downbeat_s, lines=lines)


def stated_tempo(written: Written, manifest_bpm: float | None, duration_s: float | None) -> Tempo | None:
    """The tempo that somebody wrote down; None if nobody did.

    A manifest is believed before a tag, a tag before what a loop library wrote into the file, that before the file's
    name, where only a number with its unit counts: one without is for `numbered_grid` and
    `tasks.rhythm.loop_tempo.numbered_tempo`. The length is needed where a file tells beats and no tempo.
    """
    if manifest_bpm is not None:
        return Tempo(manifest_bpm, BpmSource.MANIFEST, 1.0)
    said = [
        (written.tags.bpm, BpmSource.TAG),
        *((info.tempo(duration_s), info.source) for info in written.chunks),
        (written.name_bpm, BpmSource.FILENAME),
    ]
    return next((Tempo(bpm, BpmSource(source), _STATED) for bpm, source in said if bpm is not None), None)


def estimate_grid(power: Matrix, frame_rate: float, bpm_range: BpmRange | None = None) -> Grid | None:
    """The grid of normalised mel power (frames, mels) at `frame_rate` Hz; None if no tempo is found in it.

    The power is that of `tasks.rhythm.onsets.GRID_MEL`. The confidence is low where the rhythm is weak, where another
    tempo explains it nearly as well, or where the octave is in doubt (`tasks.rhythm.octave`). A range settles it.
    Where no constant tempo is found, one that drifts slowly is looked for.
    """
    envelope = onset_envelope(power)
    return _steady_grid(power, envelope, frame_rate, bpm_range) or _drifting_grid(
        power, envelope, frame_rate, bpm_range
    )


def _steady_grid(power: Matrix, envelope: Matrix, frame_rate: float, bpm_range: BpmRange | None) -> Grid | None:
    """The grid of a constant tempo."""
    pulse = find_pulse(envelope, frame_rate)
    if pulse is None or pulse.strength < RHYTHMIC:
        return None
    steady = steadiness(envelope, frame_rate, pulse.bpm)
    if steady < STEADY:
        return None
    reading = read_octave(envelope, frame_rate, pulse.bpm)
    confidence = round(_confidence(pulse) * steady * reading.probability, 3)
    other = round(reading.other_bpm, 2)
    tempo = Tempo(round(reading.bpm, 2), BpmSource.ESTIMATE, confidence, other, reading.half_time)
    if bpm_range is not None:
        tempo = tempo.within(bpm_range)
    bpm = pulse.bpm * 2.0 ** round(np.log2(tempo.bpm / pulse.bpm))
    return Grid(tempo, round(first_downbeat(power, envelope, frame_rate, bpm), 4))


def _drifting_grid(power: Matrix, envelope: Matrix, frame_rate: float, bpm_range: BpmRange | None) -> Grid | None:
    """The grid of a tempo that drifts slowly; None where the evidence for one is weak.

    The power is stretched so that the beats that were followed through the file are evenly spaced. What is then found
    by the same means as for a constant tempo, and has to be as steady, is told in seconds of the file again.
    """
    beats = follow_beats(envelope, frame_rate)
    if beats is None or not beats.are_clear:
        return None
    even = beats.evenly_spaced(power)
    found = _steady_grid(even, onset_envelope(even), frame_rate, bpm_range)
    if found is None or found.tempo.confidence < _LEAST_DRIFTING:
        return None
    bars = found.bars
    first, last = np.floor(bars.passed(0.0)) + 1, np.ceil(bars.passed(len(even) / frame_rate)) + 2
    starts_s = beats.seconds_at(bars.starts_s(np.arange(first, last + 1)))
    lines = BarLines(int(first), tuple(np.round(starts_s, 4).tolist()))
    bpm = round(float(np.median(lines.tempi)), 2)
    other = None if found.tempo.alternative is None else round(found.tempo.alternative * bpm / found.tempo.bpm, 2)
    tempo = replace(found.tempo, bpm=bpm, alternative=other)
    grid = Grid(tempo, lines.times_s[1 - lines.first_bar], lines)
    return grid if _SAME_TEMPO < (grid.drift or 0.0) <= _MOST_DRIFT else None


def stated_grid(power: Matrix, frame_rate: float, tempo: Tempo) -> Grid:
    """The grid of a file at a tempo that somebody stated; what the file says of it is its confidence.

    The power is as for `estimate_grid`. A whole number in a tag or a name may have been rounded, and gets the decimals
    of the file. Otherwise the stated tempo stands; where the file runs at another one, that is the alternative and the
    confidence is low. Without a rhythm the grid starts with the file.
    """
    envelope = onset_envelope(power)
    pulse = find_pulse(envelope, frame_rate)
    if pulse is None or pulse.strength < RHYTHMIC:
        return Grid(tempo, 0.0)
    if steadiness(envelope, frame_rate, pulse.bpm) >= STEADY:
        tempo = _compared_with_pulse(tempo, pulse, len(power) / frame_rate)
    return Grid(tempo, round(first_downbeat(power, envelope, frame_rate, tempo.bpm), 4))


def numbered_grid(power: Matrix, frame_rate: float, number: float, bpm_range: BpmRange | None = None) -> Grid:
    """The grid of a file whose name has a number without a unit, which may be its tempo or not.

    The power is as for `estimate_grid`. The number is taken as stated, unless the sound is sure of another tempo that
    is no half or double of it.
    """
    found = estimate_grid(power, frame_rate, bpm_range)
    if found is not None and found.tempo.confidence >= SURE and not same_but_octaves(found.tempo.bpm, number):
        return found
    return stated_grid(power, frame_rate, Tempo(number, BpmSource.FILENAME, _STATED))


def same_but_octaves(bpm: float, other: float) -> bool:
    """Whether two tempi are the same, or one is half or double the other, within what rounding may do."""
    return any(abs(bpm * octave / other - 1) < _SAME for octave in (0.5, 1.0, 2.0))


def _compared_with_pulse(tempo: Tempo, pulse: Pulse, duration_s: float) -> Tempo:
    """A stated tempo checked against the pulse that was found."""
    found = min((pulse.bpm * octave for octave in (0.5, 1.0, 2.0)), key=lambda bpm: abs(bpm / tempo.bpm - 1))
    if abs(found - tempo.bpm) / 60 * duration_s < _UNNOTICED_BEATS:
        return tempo
    rounded = tempo.source is not BpmSource.MANIFEST and tempo.bpm == round(tempo.bpm)
    if rounded and abs(found - tempo.bpm) <= _ROUNDED:
        return replace(tempo, bpm=round(found, 2))
    return replace(tempo, confidence=_CONTRADICTED, alternative=round(pulse.bpm, 2))


def _confidence(pulse: Pulse) -> float:
    return _MOST_SURE * min(1.0, pulse.strength / _SURE_STRENGTH) * min(1.0, pulse.margin / _SURE_MARGIN)
