"""How well tempi that drift are followed, on compositions played at speeds that change as they are told to.

Each composition is played in ways that ought to be followed, and in others that ought to have no grid that drifts: as
it is, with a leap, as rubato. A row says how many have a grid that drifts, a constant one, or none; of those that drift
how many bars are within 30 and 50 ms of a bar line of the grid, and how many tracks have 95 % of theirs within 30 ms;
and how many are sure, with the bars of these within 30 ms. The last lines say what it costs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tasks.audio.decoding import Samples, decode
from tasks.rhythm.grid import Grid, estimate_grid
from tasks.rhythm.onsets import GRID_MEL
from tasks.sources.compositions import read_compositions
from tests.benchmarks.rhythm.test_grids import power_of, rendered_bpm
from tests.support.drifting import Drifting, Speed, even_change, leap, played_at, swaying

pytestmark = pytest.mark.benchmark

RATE: Final = GRID_MEL.sample_rate
SURE: Final = 0.7
FOLLOWED: Final[dict[str, Callable[[float], Speed]]] = {
    "2 % slower to 2 % faster": lambda duration_s: even_change(0.02, duration_s),
    "4 % slower to 4 % faster": lambda duration_s: even_change(0.04, duration_s),
    "3 % faster to 3 % slower": lambda duration_s: even_change(-0.03, duration_s),
    "sways by 1 % in 50 s": lambda duration_s: swaying(0.01, 50.0),
    "sways by 2 % in 90 s": lambda duration_s: swaying(0.02, 90.0),
    "sways by 3 % in 180 s": lambda duration_s: swaying(0.03, 180.0),
}
REFUSED: Final[dict[str, Callable[[float], Speed]]] = {
    "as it is": lambda duration_s: swaying(0.0, 1.0),
    "leaps by 17 % half way": lambda duration_s: leap(140 / 120, duration_s / 2),
    "leaps by 9 % half way": lambda duration_s: leap(1.09, duration_s / 2),
    "leaps by 3 % half way": lambda duration_s: leap(1.03, duration_s / 2),
    "18 % faster by and by": lambda duration_s: even_change(0.09, duration_s),
    "rubato, 5 % in 9 s": lambda duration_s: swaying(0.05, 9.0),
}


@dataclass(frozen=True)
class Case:
    """What was found where the bars began at `bars_s`, and the CPU seconds that it took."""

    grid: Grid | None
    bars_s: np.ndarray
    cpu_s: float

    @property
    def drifts(self) -> bool:
        return self.grid is not None and self.grid.lines is not None

    def within(self, seconds: float) -> float:
        """The share of bars so near to a bar line of the grid."""
        assert self.grid is not None
        passed = np.array([self.grid.bars.passed(bar_s) for bar_s in self.bars_s.tolist()])
        return float(np.mean(np.abs(self.grid.bars.starts_s(np.round(passed) + 1) - self.bars_s) < seconds))


def found_in(drifting: Drifting, samples: Samples, bpm: float) -> Case:
    power = power_of(drifting.samples)
    began = time.process_time()
    grid = estimate_grid(power, GRID_MEL.frame_rate)
    cpu_s = time.process_time() - began
    return Case(grid, drifting.at(np.arange(0, len(samples) / RATE, 240 / bpm)), cpu_s)


def test_drifting(corpus: Path) -> None:
    ways = FOLLOWED | REFUSED
    cases: dict[str, list[Case]] = {way: [] for way in ways}
    for composition in read_compositions(corpus / "tracks"):
        samples = decode(composition.audio, RATE).samples
        bpm = rendered_bpm(samples, composition.bpm)
        for way, speed in ways.items():
            cases[way].append(found_in(played_at(samples, speed(len(samples) / RATE), RATE), samples, bpm))
    print(f"\n{'':26} cases drift const  none  bars within 30 ms, 50 ms  all but 5 %  sure ones  the same of them")
    for way, ones in cases.items():
        print(f"{way:26} {report(ones)}")
    drifted = [one for way in FOLLOWED for one in cases[way]]
    print(f"{'all that drift':26} {report(drifted)}")
    duration_s = sum(one.bars_s[-1] for one in cases["as it is"])
    for way in ("as it is", "4 % slower to 4 % faster"):
        cpu_s = sum(one.cpu_s for one in cases[way])
        print(f"CPU seconds to find the grids of {duration_s / 3600:.1f} hours, {way}: {cpu_s:.1f}")


def report(ones: list[Case]) -> str:
    """One line of the table."""
    drift = [one for one in ones if one.drifts]
    constant = sum(one.grid is not None for one in ones) - len(drift)
    line = f"{len(ones):5} {len(drift):5} {constant:5} {len(ones) - len(drift) - constant:5}"
    sure = [one for one in drift if one.grid is not None and one.grid.tempo.confidence >= SURE]
    for some in (drift, sure):
        if some:
            near, nearer = (100 * float(np.mean([one.within(ms / 1000) for one in some])) for ms in (50, 30))
            all_but_few = 100 * float(np.mean([one.within(0.03) >= 0.95 for one in some]))
            line += (
                f"{nearer:15.1f} {near:6.1f} {all_but_few:10.1f}" if some is drift else f" {len(sure):10} {nearer:8.1f}"
            )
    return line
