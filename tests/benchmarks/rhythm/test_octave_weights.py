"""Where the weights of `tasks.rhythm.octave` come from: a logistic fit to material whose written tempo is known.

The material: the compositions of the corpus, whole and in excerpts; its percussion loops; mixes of these with its other
loops at their tempo; and made-up grooves (`tests.support.grooves`), whose feel is known too. Only the loops' own tempo
is taken for written, sped up or slowed down by 6 % at most. A person, a game or a collection is on one side of a fit
only. Grooves, which know every style, count as much as all other material, which is by few people. Prints how often the
octave is right in compositions of authors left out, strictly, and fails if other weights are in use. ROLECALL_WRITE=1
writes them.
"""

import csv
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from tasks.audio.decoding import decode
from tasks.features.mel import mel_power, normalise_level
from tasks.rhythm import octave
from tasks.rhythm.octave import DOUBTED, profile, slower_reading
from tasks.rhythm.onsets import GRID_MEL, onset_envelope
from tasks.rhythm.pulse import find_pulse
from tasks.sources.compositions import read_compositions
from tests.benchmarks.rhythm.test_grid_weights import author_of
from tests.support.grooves import STYLES, groove

pytestmark = pytest.mark.benchmark

Floats = NDArray[np.float64]
Power = NDArray[np.float32]

_RATE: Final = GRID_MEL.frame_rate
_FITTED: Final = (70.0, 104.0)
_PENALTY, _ZONE_PENALTY = 0.1, 0.03
_COUNTS: Final = {"composition": 1.0, "loop": 1.0, "mix": 1.0, "groove": 3.0}
_GROOVES, _MIXES, _EXCERPTS = 12, 600, 3
_SHRUNK: Final = 0.25
"""By how much a fit is surer than it is right with authors left out."""

_MADE_UP: Final = "made-up"
_ZONES: Final = 7


@dataclass(frozen=True)
class Example:
    """The profile (43,) of something at the slower reading; whether the faster is the written one, and the feel.

    `found`: whether the pulse that is found in it is one of both readings.
    """

    kind: str
    name: str
    author: str
    slow: float
    seen: Floats
    faster: bool
    half_time: bool | None = None
    found: bool = True


@dataclass(frozen=True)
class LoopPower:
    """A loop's mel power (frames, mels) with its role and written tempo."""

    name: str
    author: str
    role: str
    bpm: float
    power: Power


def test_octave_weights(corpus: Path) -> None:
    loops = list(read_loops(corpus / "loops"))
    taken = [*of_compositions(corpus / "tracks"), *of_loops(loops), *of_mixes(loops), *of_grooves()]
    fitted = fitted_to(taken)
    print(Counter(one.kind for one in fitted))
    report_left_out(taken)
    feel = [one for one in taken if one.half_time is not None and one.faster]
    weights = np.stack(
        [
            _SHRUNK * fit(fitted, np.array([one.faster for one in fitted])),
            fit(feel, np.array([bool(one.half_time) for one in feel])),
        ],
        axis=1,
    )
    if os.environ.get("ROLECALL_WRITE"):
        lines = ["faster,half_time", *(f"{faster:.4f},{half:.4f}" for faster, half in weights)]
        (Path(octave.__file__).parent / "octave_weights.csv").write_text("\n".join(lines) + "\n")
    else:
        np.testing.assert_allclose(weights[:, 0], octave._WEIGHTS["faster"], atol=0.02)
        np.testing.assert_allclose(weights[:, 1], octave._WEIGHTS["half_time"], atol=0.02)


def report_left_out(taken: list[Example]) -> None:
    """Print how often tempi of compositions are right, strictly, by weights that know nothing by their author."""
    tried = [one for one in taken if one.kind == "composition"]
    likely = {}
    for author in sorted({one.author for one in tried}):
        others = fitted_to([one for one in taken if one.author != author])
        weights = _SHRUNK * fit(others, np.array([one.faster for one in others]))
        likely |= {id(one): faster_likelihood(one, weights) for one in tried if one.author == author}
    right = np.array([one.found and (likely[id(one)] > 0.5) == one.faster for one in tried])
    slower = np.array([one.found and not one.faster for one in tried])
    usual = np.array([one.found and one.faster == (one.slow < 82) for one in tried])
    bpms = np.array([one.slow * (1 + one.faster) for one in tried])
    sure = np.array([max(likely[id(one)], 1 - likely[id(one)]) for one in tried])
    asked = np.array([DOUBTED[0] <= one.slow <= DOUBTED[1] for one in tried])
    everything = np.full(len(tried), fill_value=True)
    for title, chosen in (
        ("all", everything),
        ("over 150 BPM", bpms > 150),
        ("under 90 BPM", bpms < 90),
        ("where the sound is asked", asked),
        ("likelihood from .6 on", sure >= 0.6),
        ("likelihood from .75 on", sure >= 0.75),
    ):
        print(
            f"{title:26} {chosen.sum():4} cases, right {100 * right[chosen].mean():5.1f} %; the octave nearest to 115 "
            f"BPM {100 * usual[chosen].mean():5.1f} %; always the slower {100 * slower[chosen].mean():5.1f} %"
        )
    for least, most in ((0.5, 0.6), (0.6, 0.65), (0.65, 0.7), (0.7, 0.75), (0.75, 0.95)):
        chosen = asked & (sure >= least) & (sure < most)
        print(f"asked, likelihood {least} to {most}: {chosen.sum()} cases, right {100 * right[chosen].mean():.1f} %")
    print("wrong:", sorted(Counter(one.name for one, found in zip(tried, right, strict=True) if not found).items()))


def faster_likelihood(one: Example, weights: Floats) -> float:
    """How likely the faster reading is the written one, as `tasks.rhythm.octave` has it."""
    if one.slow < DOUBTED[0] or one.slow > DOUBTED[1]:
        return 0.97 if one.slow < DOUBTED[0] else 0.03
    return float(1 / (1 + np.exp(-(weights[:-1] @ one.seen + weights[-1]))))


def fitted_to(taken: list[Example]) -> list[Example]:
    """What the octave is learned from: what is about as fast as where it is asked for."""
    return [one for one in taken if _FITTED[0] <= one.slow <= _FITTED[1]]


def of_compositions(folder: Path) -> Iterator[Example]:
    """Whole compositions and minutes of them."""
    for piece in read_compositions(folder):
        power = power_of(decode(piece.audio, GRID_MEL.sample_rate).samples)
        rng = np.random.default_rng(zlib.crc32(piece.name.encode()))
        author = piece.name.split("_")[0] if piece.name.startswith(("evr", "gen")) else author_of(piece.name)
        minute = round(60 * _RATE)
        yield searched(piece.name, author, power, _RATE, piece.bpm)
        for _ in range(_EXCERPTS if len(power) > 1.25 * minute else 0):
            start = int(rng.uniform(0, len(power) - minute))
            speed = float(np.exp(rng.uniform(-0.05, 0.05)))
            part = power[start : start + minute]
            yield searched(piece.name, author, part, _RATE * speed, piece.bpm * speed)


def searched(name: str, author: str, power: Power, rate: float, bpm: float) -> Example:
    """A composition, or a part of one, in which the pulse is looked for as well."""
    pulse = find_pulse(onset_envelope(power), rate)
    found = pulse is not None and abs(slower_reading(pulse.bpm) / slower_reading(bpm) - 1) < 0.04
    return replace(example("composition", name, author, power, rate, bpm), found=found)


def read_loops(folder: Path) -> Iterator[LoopPower]:
    """The loops of one role whose tempo is stated; of roles other than percussion every fifth."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            if row["bpm"] and (row["roles"] == "percussion" or (row["roles"] and place % 5 == 0)):
                group = row["group"]
                ours = group.startswith(("evr", "lmms_", "mod_"))
                author = (group.split("_")[0] if group.startswith("evr") else author_of(group)) if ours else _MADE_UP
                power = power_of(decode(folder / row["path"], GRID_MEL.sample_rate).samples)
                yield LoopPower(row["path"], author, row["roles"], float(row["bpm"]), power)


def of_loops(loops: list[LoopPower]) -> Iterator[Example]:
    """Percussion loops, repeated."""
    for loop in loops:
        if loop.role == "percussion":
            yield example("loop", loop.name, loop.author, loop.power, _RATE, loop.bpm)


def of_mixes(loops: list[LoopPower]) -> Iterator[Example]:
    """A percussion loop and, most times, bass, chords and a melody of about its tempo, each at its own level."""
    rng = np.random.default_rng(2026)
    percussion = [loop for loop in loops if loop.role == "percussion"]
    frames = round(60 * _RATE)
    for number in range(_MIXES):
        first = percussion[int(rng.integers(len(percussion)))]
        bpm = first.bpm * float(np.exp(rng.uniform(-0.06, 0.06)))
        parts = [(first, 1.0)]
        for role, chance in (("percussion", 0.4), ("bass", 0.8), ("chords", 0.6), ("melody", 0.6), ("vocal", 0.15)):
            near = [
                loop
                for loop in loops
                if loop.role == role and abs(np.log(loop.bpm / bpm)) < 0.12 and loop.author in (first.author, _MADE_UP)
            ]
            if near and rng.random() < chance:
                parts.append((near[int(rng.integers(len(near)))], float(10 ** rng.uniform(-1.4, 0.2))))
        power = np.zeros((frames, GRID_MEL.mels), np.float32)
        for loop, gain in parts:
            sounding = np.repeat(rng.random(8) < 0.8, -(-frames // 8))[:frames, None]
            power += np.float32(gain) * repeated(loop, bpm, frames) * sounding
        yield example("mix", f"mix {number} of {first.name}", first.author, normalise_level(power), _RATE, bpm)


def repeated(loop: LoopPower, bpm: float, frames: int) -> Power:
    """A loop's power at another tempo, again and again."""
    places = (np.arange(frames) * (bpm / loop.bpm)) % len(loop.power)
    before = places.astype(int)
    share = (places - before)[:, None].astype(np.float32)
    after = (before + 1) % len(loop.power)
    return np.asarray(loop.power[before] * (1 - share) + loop.power[after] * share, np.float32)


def of_grooves() -> Iterator[Example]:
    """Made-up grooves of every style."""
    for name, style in STYLES.items():
        for number in range(_GROOVES):
            rng = np.random.default_rng(zlib.crc32(f"{name} {number}".encode()))
            bpm = float(rng.uniform(*style.bpms))
            power = power_of(groove(style, bpm, 50.0, int(rng.integers(1 << 30))))
            yield example("groove", f"{name} {number}", _MADE_UP, power, _RATE, bpm, style.half_time)


def example(
    kind: str, name: str, author: str, power: Power, rate: float, bpm: float, half_time: bool | None = None
) -> Example:
    slow = slower_reading(bpm)
    return Example(kind, name, author, slow, profile(onset_envelope(power), rate, slow), bpm > slow, half_time)


def power_of(samples: NDArray[np.float32]) -> Power:
    return np.asarray(normalise_level(mel_power(samples, GRID_MEL)), np.float32)


def fit(taken: list[Example], said: NDArray[np.bool_]) -> Floats:
    """The weights (44,) at which what is said is likeliest, held back by their squares."""
    per = Counter((one.kind, one.author) for one in taken)
    counts = np.array([per[one.kind, one.author] ** -0.5 for one in taken])
    kinds = np.array([one.kind for one in taken])
    for kind in set(kinds):
        counts[kinds == kind] *= _COUNTS[kind] / counts[kinds == kind].sum()
    counts /= counts.sum()
    seen = np.stack([one.seen for one in taken])
    middle, spread = seen.mean(axis=0), seen.std(axis=0) + 1e-3
    middle[-_ZONES:], spread[-_ZONES:] = 0.0, 1.0
    table = np.hstack([(seen - middle) / spread, np.ones((len(seen), 1))])
    penalty = np.r_[np.full(seen.shape[1] - _ZONES, _PENALTY), np.full(_ZONES, _ZONE_PENALTY), 0.0]
    signs = np.where(said, 1.0, -1.0)

    def cost(weights: Floats) -> tuple[float, Floats]:
        agreed = signs * (table @ weights)
        slope = table.T @ (counts * -signs / (1 + np.exp(agreed)))
        return float(counts @ np.logaddexp(0, -agreed) + penalty @ weights**2), slope + 2 * penalty * weights

    found = minimize(cost, np.zeros(table.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    scaled = found[:-1] / spread
    return np.r_[scaled, found[-1] - scaled @ middle]
