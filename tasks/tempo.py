"""The beat grid: tempo and first downbeat of a file, who said so, and how sure that is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tinytag import TinyTag, TinyTagException

from storage.vocabulary import BEATS_PER_BAR, BpmSource
from tasks.names import bpm_in_name

_LENGTH_RANGE: Final = (80.0, 160.0)
_ESTIMATE_RANGE: Final = (60.0, 200.0)
_LIKELY_BPM: Final = 125.0
_OCTAVE_WIDTH: Final = 0.9
_STEADY: Final = 6.0
_FAINTEST: Final = 0.02
"""Deviation of an onset envelope under which there are no onsets: held tones stay under 0.012, music is over 0.04."""

_ZERO_PADDING: Final = 8


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute with its source, a confidence of 0..1 and the other octave, if one is likely."""

    bpm: float
    source: BpmSource
    confidence: float
    alternative: float | None = None


@dataclass(frozen=True)
class Grid:
    """A constant beat grid in 4/4: the tempo, and where the first bar line lies, in seconds."""

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
    return Tempo(float(round(bpm)) if whole else bpm, BpmSource.LENGTH, 0.8 if whole else 0.2)


def estimate_grid(onsets: NDArray[np.float32], frame_rate: float) -> Grid | None:
    """A constant tempo fitted to an onset envelope (frames,) at `frame_rate` Hz; None if none is steady.

    The envelope's Fourier transform is read at each candidate beat frequency and its double; a prior
    around 125 beats per minute settles the octave. The phase there gives the beats, and the strongest of the
    four beat positions is taken for the downbeat.
    """
    if float(onsets.std()) < _FAINTEST:
        return None
    spectrum, step = _rhythm_spectrum(onsets, frame_rate)
    candidates = np.arange(round(_ESTIMATE_RANGE[0] / step), round(_ESTIMATE_RANGE[1] / step) + 1)
    if 2 * candidates[-1] >= len(spectrum):
        return None
    magnitude = np.abs(spectrum)
    evidence = magnitude[candidates] + magnitude[2 * candidates]
    steadiness = float(evidence.max() / max(float(np.median(evidence)), 1e-12))
    if steadiness < _STEADY:
        return None
    likely = evidence * np.exp(-0.5 * (np.log2(candidates * step / _LIKELY_BPM) / _OCTAVE_WIDTH) ** 2)
    best = int(np.argmax(likely))
    bpm = _refined(magnitude[candidates] + magnitude[2 * candidates], best, candidates[0]) * step
    other, margin = _other_octave(likely, best, candidates)
    confidence = float(np.clip(margin * (1 - _STEADY / (2 * steadiness)), 0.0, 0.95))
    tempo = Tempo(
        round(bpm, 2), BpmSource.ESTIMATE, round(confidence, 3), None if other is None else other * round(bpm, 2)
    )
    return Grid(tempo, _first_downbeat(onsets, frame_rate, tempo.bpm))


def onset_envelope(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much every frame of normalised mel power (frames, mels) rises over the one before: (frames,), mean zero."""
    loudness = np.log1p(1e4 * power)
    rises = np.maximum(np.diff(loudness, axis=0, prepend=loudness[:1]), 0.0).mean(axis=1)
    return np.asarray(rises - rises.mean(), dtype=np.float32)


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


def _rhythm_spectrum(onsets: NDArray[np.float32], frame_rate: float) -> tuple[NDArray[np.complex64], float]:
    """The transform of the envelope, and its step in beats per minute."""
    length = 1 << int(np.ceil(np.log2(max(len(onsets), 1024) * _ZERO_PADDING)))
    spectrum = np.fft.rfft(onsets * np.hanning(len(onsets)), length)
    return spectrum.astype(np.complex64), 60.0 * frame_rate / length


def _refined(evidence: NDArray[np.float32], best: int, offset: int) -> float:
    """The top of a parabola through the best candidate and its neighbours, as a bin of the spectrum."""
    if not 0 < best < len(evidence) - 1:
        return float(offset + best)
    left, middle, right = (float(value) for value in evidence[best - 1 : best + 2])
    curvature = left - 2 * middle + right
    return offset + best + (0.5 * (left - right) / curvature if curvature else 0.0)


def _other_octave(likely: NDArray[np.float64], best: int, candidates: NDArray[np.int64]) -> tuple[float | None, float]:
    """Which of half and double is the next best, and by how much (0..1) the best one leads it."""
    rivals: dict[float, float] = {}
    for factor in (0.5, 2.0):
        place = round(float(candidates[best]) * factor) - int(candidates[0])
        if 0 <= place < len(likely):
            rivals[factor] = float(likely[max(0, place - 2) : place + 3].max())
    if not rivals:
        return None, 1.0
    factor = max(rivals, key=lambda rival: rivals[rival])
    return factor, float(np.clip(1 - rivals[factor] / float(likely[best]), 0.0, 1.0))


def _first_downbeat(onsets: NDArray[np.float32], frame_rate: float, bpm: float) -> float:
    """Seconds of the first bar line: the phase of the beat, then the strongest of the four beats."""
    beat_frames = 60.0 * frame_rate / bpm
    turns = np.exp(-2j * np.pi * np.arange(len(onsets)) / beat_frames)
    phase = float(np.angle(np.sum(onsets * turns)))
    first_beat = (-phase / (2 * np.pi)) % 1.0 * beat_frames
    beats = np.round(np.arange(first_beat, len(onsets) - 1, beat_frames)).astype(np.int64)
    strength = np.maximum(onsets[beats], onsets[np.minimum(beats + 1, len(onsets) - 1)])
    sums = [float(strength[place::BEATS_PER_BAR].sum()) for place in range(BEATS_PER_BAR)]
    seconds = (first_beat + int(np.argmax(sums)) * beat_frames) / frame_rate
    bar_s = 60.0 * BEATS_PER_BAR / bpm
    # A grid that misses the start of the file by less than a sixteenth note starts with the file.
    return 0.0 if min(seconds, bar_s - seconds) < bar_s / 16 else round(seconds, 4)
