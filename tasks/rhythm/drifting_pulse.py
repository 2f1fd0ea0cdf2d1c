"""The pulse of music whose tempo drifts slowly: which beat sounds at which second.

The path of local tempi (`tasks.rhythm.local_tempo`) is made exact in two steps. Within passages of twenty seconds the
tempo and its change are fitted that line up the phase of the beat, its half and its quarter, as `tasks.rhythm.pulse`
does it for a constant tempo. Then beats are counted by a smooth curve, a cubic spline, through the phases of the whole
file, the stiffest that explains them nearly as well as any: so a change of the groove is not taken for one of tempo.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.ndimage import binary_opening, convolve1d, gaussian_filter1d

from tasks.features.mel_config import Matrix
from tasks.rhythm.local_tempo import local_tempi
from tasks.rhythm.onsets import means_between
from tasks.rhythm.pulse import FAINTEST

Floats = NDArray[np.float64]
Turns = NDArray[np.complex128]

_SHORTEST_S, _LONGEST_S = 30.0, 1800.0
"""Under half a minute chance does as well; over half an hour it is a mix of several tempi."""

_WINDOW_S: Final = 1.0
_HARMONICS: Final = (1, 2, 4)
"""Length of a window in which phases are read; of how many cycles to a beat."""

_PASSAGE: Final = 10
_OFFSETS: Final = np.linspace(-0.012, 0.012, 49)
_CHANGES: Final = np.linspace(-0.005, 0.005, 11)
"""Windows on either side of a passage; shares by which the tempo may be off in its middle, and change in a second."""

_LOCAL_FITS: Final = 2
_SMOOTHING: Final = 4.0
"""How often passages are asked, and windows over which what they say is smoothed, as the deviation of a bell curve."""

_GAPS_S: Final = (128.0, 64.0, 32.0, 22.0, 16.0, 11.0)
"""How far apart the knots of a curve are, from the stiffest."""

_AS_GOOD: Final = 0.93
"""Share of the highest agreement from which a stiffer curve is preferred."""


@dataclass(frozen=True)
class _Stage:
    """One fit: what each harmonic counts for a phase, how many beats it may be off, and at how many it counts half."""

    weights: tuple[float, float, float]
    reach: float
    near: float


_STAGES: Final = (
    _Stage((1.0, 0.5, 0.0), 0.35, 0.06),
    _Stage((1.0, 1.0, 0.0), 0.25, 0.06),
    _Stage((1.0, 1.0, 1.0), 0.125, 0.03),
    _Stage((1.0, 1.0, 1.0), 0.125, 0.03),
)
"""From coarse to exact: sixteenths alone would be taken for one another."""

_REWEIGHTED: Final = 8
"""How often a fit looks again at how far phases are from it."""

_NEIGHBOURS: Final = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
"""What the windows around one count for its phase."""

_STIFFNESS: Final = 1e-4
"""How much a change of the tempo's slope costs beside phases."""

_HEARD, _AUDIBLE, _RUN = 0.06, 0.1, 5
"""A window has a beat if it is less than so many beats late, and its trust such a share of the usual; in such a run."""

_AGREE: Final = 0.2
"""Agreement of the phases of a file under which there is no beat to speak of."""

_BRIDGED: Final = 0.5
"""Share of the time between two knots that may pass without a beat."""


@dataclass(frozen=True)
class Beats:
    """Beats counted at each frame (frames,) of a file, and the evidence that there are any.

    `agreement`: how far the phases of the whole file line up on these beats, 0..1. `unheard_s`: the longest time
    in which nothing falls on them. `gap_s`: how far apart the knots of the curve are.
    """

    counted: Floats
    frame_rate: float
    agreement: float
    unheard_s: float
    gap_s: float

    @property
    def are_clear(self) -> bool:
        """Whether there are beats to speak of, and no time without that is too long to be bridged."""
        in_order = bool(np.all(np.diff(self.counted) > 0))
        return in_order and self.agreement >= _AGREE and self.unheard_s <= self.gap_s * _BRIDGED

    def evenly_spaced(self, power: Matrix) -> Matrix:
        """Mel power (frames, mels) of the file, stretched here and squeezed there until its beats are evenly spaced."""
        count = int(self._even_s[-1] * self.frame_rate)
        edges_s = self.seconds_at((np.arange(count + 1, dtype=np.float64) - 0.5) / self.frame_rate)
        return means_between(power, edges_s * self.frame_rate + 0.5).astype(np.float32)

    def seconds_at(self, even_s: Floats) -> Floats:
        """Seconds of the file, from seconds of what is evenly spaced; beyond its ends the tempo stays as it is."""
        known, frame_s = self._even_s, 1 / self.frame_rate
        inside = np.interp(even_s, known, np.arange(len(known)) * frame_s)
        before = np.minimum(even_s, 0.0) * frame_s / known[1]
        after = np.maximum(even_s - known[-1], 0.0) * frame_s / (known[-1] - known[-2])
        return np.asarray(inside + before + after)

    @property
    def _even_s(self) -> Floats:
        """Each frame in seconds of what is evenly spaced, which runs as fast as the file at its median tempo."""
        return np.asarray((self.counted - self.counted[0]) / np.median(np.diff(self.counted)) / self.frame_rate)


def follow_beats(envelope: Matrix, frame_rate: float) -> Beats | None:
    """The beats of an onset envelope (frames, bands); None for less than half a minute and more than half an hour."""
    if not _SHORTEST_S <= len(envelope) / frame_rate <= _LONGEST_S:
        return None
    windows = _Windows(envelope, frame_rate)
    times_s, bpm = local_tempi(envelope, frame_rate)
    rough = windows.count(np.interp(windows.frames_s, times_s, bpm) / 60)
    for _ in range(_LOCAL_FITS):
        rough += windows.count(_local_corrections(windows, rough, float(np.median(bpm))))
    curves = [_fitted(windows, rough, gap_s) for gap_s in _GAPS_S]
    enough = _AS_GOOD * max(curve.agreement for curve in curves)
    return next(curve for curve in curves if curve.agreement >= enough)


class _Windows:
    """An onset envelope in windows of a second."""

    def __init__(self, envelope: Matrix, frame_rate: float) -> None:
        length = round(_WINDOW_S * frame_rate)
        count = len(envelope) // length
        self._shape = (count, length)
        self.frame_rate, self.length_s = frame_rate, length / frame_rate
        self._onsets = (envelope[: count * length] / np.maximum(envelope.std(axis=0), FAINTEST)).reshape(
            count, length, -1
        )
        self.frames_s = np.arange(len(envelope), dtype=np.float64) / frame_rate
        self.middles_s = (np.arange(count, dtype=np.float64) + 0.5) * self.length_s

    def turns(self, counted: Floats) -> Turns:
        """The phase and strength of each window at each harmonic of beats counted at frames: (windows, 3, bands)."""
        turning = np.exp(-2j * np.pi * counted[: self._shape[0] * self._shape[1]]).reshape(self._shape)
        return np.stack([(turning[:, None] ** k @ self._onsets)[:, 0] for k in _HARMONICS], axis=1)

    def count(self, beats_per_second: Floats) -> Floats:
        """Beats since the first frame, from how many there are in a second at each frame."""
        return np.concatenate([[0.0], np.cumsum(beats_per_second[:-1])]) / self.frame_rate


def _local_corrections(windows: _Windows, counted: Floats, bpm: float) -> Floats:
    """By how many beats in a second the count of beats is too slow at each frame (frames,), as passages say."""
    turns = windows.turns(counted)
    around = np.arange(-_PASSAGE, _PASSAGE + 1) * windows.length_s
    offsets, changes = (grid.ravel() * bpm / 60 for grid in np.meshgrid(_OFFSETS, _CHANGES, indexing="ij"))
    fade = np.hanning(len(around) + 2)[1:-1]
    ahead = offsets[:, None] * around + 0.5 * changes[:, None] * around**2
    lining_up = [np.exp(-2j * np.pi * k * ahead) * fade for k in _HARMONICS]
    padded = np.pad(turns, ((_PASSAGE, _PASSAGE), (0, 0), (0, 0)))
    found, strengths = np.empty(len(turns)), np.empty(len(turns))
    for window in range(len(turns)):
        passage = padded[window : window + len(around)]
        power = sum((np.abs(line @ passage[:, place]) ** 2).sum(axis=1) for place, line in enumerate(lining_up))
        best = int(np.argmax(power))
        found[window], strengths[window] = offsets[best], power[best]
    means = gaussian_filter1d(np.stack([strengths * found, strengths]), _SMOOTHING, mode="constant")
    return np.asarray(np.interp(windows.frames_s, windows.middles_s, means[0] / np.maximum(means[1], 1e-12)))


def _fitted(windows: _Windows, rough: Floats, gap_s: float) -> Beats:
    """Beats counted by the cubic spline, with knots so far apart, that goes best through phases near a rough count."""
    end_s = float(windows.frames_s[-1])
    pieces = max(1, round(end_s / gap_s))
    knots = np.arange(-3, pieces + 4) * (end_s / pieces * (1 + 1e-9))
    basis = np.asarray(BSpline.design_matrix(windows.middles_s, knots, 3).toarray())
    counted = rough
    for stage in _STAGES:
        late, trust = _phases(windows.turns(counted), stage)
        wanted = np.interp(windows.middles_s, windows.frames_s, counted) - late
        counted = BSpline(knots, _robust_fit(basis, wanted, trust, stage.near), 3)(windows.frames_s)
    turns = windows.turns(counted)
    late, trust = _phases(turns, _STAGES[-1])
    heard = binary_opening((np.abs(late) < _HEARD) & (trust > _AUDIBLE * np.median(trust)), np.ones(_RUN))
    places = np.flatnonzero(np.concatenate([[True], heard, [True]]))
    agreement = (np.abs(turns.sum(axis=0)) ** 2).sum() / max((np.abs(turns).sum(axis=0) ** 2).sum(), 1e-12)
    unheard_s = float(np.diff(places).max() - 1) * windows.length_s
    return Beats(counted, windows.frame_rate, float(agreement), unheard_s, gap_s)


def _phases(turns: Turns, stage: _Stage) -> tuple[Floats, Floats]:
    """By how many beats each window is late (windows,) beside the whole file, and how far that is to be trusted.

    A window is trusted by its strength and by how like its pattern is to that of the file.
    """
    weights = np.array(stage.weights)
    pattern = np.conj(turns.sum(axis=0))
    nearby = convolve1d(turns, _NEIGHBOURS, axis=0, mode="constant")
    alike = (pattern * nearby).sum(axis=2) * weights
    shifts = np.linspace(-stage.reach, stage.reach, 97)
    agree = (alike @ np.exp(2j * np.pi * np.array(_HARMONICS)[:, None] * shifts)).real
    best = np.argmax(agree, axis=1)
    most = ((np.abs(pattern) * np.abs(nearby)).sum(axis=2) * weights).sum(axis=1)
    likeness = np.maximum(np.take_along_axis(agree, best[:, None], axis=1)[:, 0], 0.0) / np.maximum(most, 1e-9)
    return shifts[best], likeness**4 * np.sqrt((np.abs(nearby) ** 2).sum(axis=(1, 2)))


def _robust_fit(basis: Floats, wanted: Floats, trust: Floats, near: float) -> Floats:
    """The coefficients of the spline through values (times,), of which those far from it count little.

    `basis` has the B-splines at these times (times, splines). Where nothing is trusted the tempo changes evenly.
    """
    bends = np.diff(np.eye(basis.shape[1]), 3, axis=0)
    stiff = _STIFFNESS * max(float(trust.sum()), 1e-9) * bends.T @ bends
    weights = trust
    for _ in range(_REWEIGHTED):
        weighted = basis * weights[:, None]
        coefficients = np.linalg.lstsq(weighted.T @ basis + stiff, weighted.T @ wanted, rcond=None)[0]
        weights = trust / (1 + ((wanted - basis @ coefficients) / near) ** 2)
    return np.asarray(coefficients)
