"""The beat grid of a file: tempo and first downbeat, stated or estimated, with their source and a confidence."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tinytag import TinyTag, TinyTagException

from storage.vocabulary import BEATS_PER_BAR, BpmSource
from tasks.features.mel_config import Matrix
from tasks.metadata.file_names import bpm_in_name
from tasks.rhythm.downbeat import first_downbeat
from tasks.rhythm.metre import share_in_four
from tasks.rhythm.onsets import onset_envelope
from tasks.rhythm.pulse import Pulse, find_pulse, steadiness

_LENGTH_RANGE: Final = (80.0, 160.0)
_LITTLE_SURE: Final = 0.2
_IN_FOUR: Final = 0.5
"""Share of a loop's pulse in four under which it is not taken to be in 4/4."""

RHYTHMIC: Final = 0.12
STEADY: Final = 0.7
"""Strength and steadiness of a pulse (`tasks.rhythm.pulse`) under which there is no tempo to speak of."""

_SURE_STRENGTH, _SURE_MARGIN, _MOST_SURE = 0.33, 0.25, 0.95
"""Strength and margin at which an estimate is as sure as it gets, and how sure that is."""

_ROUNDED: Final = 0.5
_UNNOTICED_BEATS: Final = 0.125
_CONTRADICTED: Final = 0.3


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute with its source, a confidence of 0..1 and the other octave, if one is likely."""

    bpm: float
    source: BpmSource
    confidence: float
    alternative: float | None = None


@dataclass(frozen=True)
class Grid:
    """A constant beat grid in 4/4: the tempo, and the first bar line that begins a phrase of four bars, in seconds."""

    tempo: Tempo
    first_downbeat_s: float

    @property
    def bar_s(self) -> float:
        """The length of a bar in seconds."""
        return 60.0 * BEATS_PER_BAR / self.tempo.bpm


def stated_tempo(path: Path, manifest_bpm: float | None) -> Tempo | None:
    """The tempo that somebody wrote down: manifest before tag before file name; None if nobody did."""
    if manifest_bpm is not None:
        return Tempo(manifest_bpm, BpmSource.MANIFEST, 1.0)
    bpm = _tagged_bpm(path)
    if bpm is not None:
        return Tempo(bpm, BpmSource.TAG, 0.9)
    bpm = bpm_in_name(path.name)
    return None if bpm is None else Tempo(bpm, BpmSource.FILENAME, 0.9)


def tempo_from_length(duration_s: float) -> Tempo:
    """The tempo at which a loop is 1, 2, 4, 8 … bars long, between 80 and 160 beats per minute.

    Every length has one; that it falls on a whole number is the only evidence, and the confidence says so.
    """
    bpm = 60.0 * BEATS_PER_BAR / duration_s
    while bpm < _LENGTH_RANGE[0]:
        bpm *= 2
    while bpm >= _LENGTH_RANGE[1]:
        bpm /= 2
    whole = abs(bpm - round(bpm)) < 0.03
    return Tempo(float(round(bpm)) if whole else bpm, BpmSource.LENGTH, 0.8 if whole else _LITTLE_SURE)


def loop_tempo(power: Matrix, duration_s: float) -> Tempo:
    """The tempo of a loop by its length, which takes four beats to a bar for granted, and what its sound says of that.

    `power` (frames, mels) is normalised mel power, as for `estimate_grid`. A loop whose pulse runs in three, five or
    seven rather than in four (`tasks.rhythm.metre`) has a length that tells nothing, however round its number.
    """
    tempo = tempo_from_length(duration_s)
    beats = max(1, round(duration_s * tempo.bpm / 60))
    if share_in_four(onset_envelope(power), beats) < _IN_FOUR:
        return replace(tempo, confidence=_LITTLE_SURE)
    return tempo


def estimate_grid(power: Matrix, frame_rate: float) -> Grid | None:
    """The grid of normalised mel power (frames, mels) at `frame_rate` Hz; None if no constant tempo is found in it.

    The power is that of `tasks.rhythm.onsets.GRID_MEL`. The confidence is low where the rhythm is weak or another tempo
    explains it nearly as well.
    """
    envelope = onset_envelope(power)
    pulse = find_pulse(envelope, frame_rate)
    if pulse is None or pulse.strength < RHYTHMIC:
        return None
    steady = steadiness(envelope, frame_rate, pulse.bpm)
    if steady < STEADY:
        return None
    confidence = round(_confidence(pulse) * steady, 3)
    tempo = Tempo(round(pulse.bpm, 2), BpmSource.ESTIMATE, confidence, _other_octave(pulse.bpm))
    return Grid(tempo, round(first_downbeat(power, envelope, frame_rate, pulse.bpm), 4))


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


def _other_octave(bpm: float) -> float:
    """Half or double: whichever lies where tempi usually do."""
    return round(2 * bpm, 2) if bpm < 100 else round(bpm / 2, 2)


def _tagged_bpm(path: Path) -> float | None:
    try:
        tags = TinyTag.get(path).other
    except (TinyTagException, OSError, ValueError, KeyError, IndexError, ArithmeticError):
        return None
    for name in ("bpm", "tempo", "tbpm"):
        for text in tags.get(name, []):
            try:
                bpm = float(str(text).replace(",", "."))
            except ValueError:
                continue
            if 20 <= bpm <= 400:
                return bpm
    return None
