"""Where the weights of `tasks.rhythm.downbeat` come from: a logistic fit to excerpts of songs with known bar lines.

The songs are the compositions that `test_grids.py` names as developed on, and tracker modules (`modules.py`, which says
where from; ROLECALL_MODULES is their folder). Of each, excerpts of 40 to 120 seconds are taken at their true tempo,
those of compositions from 165 BPM on at half of it too, as it may be found. Which of the 64 steps of a phrase is its
head is a softmax over the evidence of each; the fit is held back by a penalty that does best on authors left out.
Prints how often bar line and phrase are found in excerpts of such authors, and the weights, doubled as they are in use;
fails if others are in use.
"""

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax

from tasks.audio.decoding import decode
from tasks.features.mel import mel_power, reference_level
from tasks.rhythm.downbeat import STEPS_PER_BAR, STEPS_PER_PHRASE, WEIGHTS, evidence, sixteenths
from tasks.rhythm.onsets import GRID_MEL, onset_envelope
from tasks.sources.compositions import read_compositions
from tests.benchmarks.rhythm.modules import Song, read_modules
from tests.benchmarks.rhythm.test_grids import DEVELOPED_ON, HALF_IS_FAIR_BPM, rendered_bpm

pytestmark = pytest.mark.benchmark

Floats = NDArray[np.float64]

_EXCERPTS: Final = 24
_PENALTY: Final = 0.6
_ONE_AUTHOR: Final = {"lmms_alf42red": "lmms_capdan"}
"""Of which one set the other's songs."""


@dataclass(frozen=True)
class GridExcerpt:
    """The evidence (64, 71) of an excerpt; which steps (64,) are heads of phrases; how much it counts."""

    evidence: Floats
    heads: Floats
    author: str
    kind: str
    weight: float
    halved: bool


def test_grid_weights(corpus: Path) -> None:
    modules = os.environ.get("ROLECALL_MODULES")
    if modules is None:
        pytest.skip("set ROLECALL_MODULES to a folder of unpacked packages")
    taken = [
        *(one for song in compositions(corpus) for one in excerpts(song, "composition")),
        *(one for song in read_modules(Path(modules)) for one in excerpts(song, "module")),
    ]
    found = np.zeros((len(taken), 2))
    for author in sorted({one.author for one in taken}):
        weights = fit([one for one in taken if one.author != author])
        for place in [place for place, one in enumerate(taken) if one.author == author]:
            found[place] = is_right(taken[place], weights)
    for kind in ("composition", "module"):
        chosen = [one.kind == kind for one in taken]
        bar, phrase = np.average(found[chosen], axis=0, weights=[one.weight for one in taken if one.kind == kind])
        print(f"\n{sum(chosen)} excerpts, {kind}s, authors left out: bar {bar:.3f} phrase {phrase:.3f}")
    weights = 2 * fit(taken)
    print("onsets\n", weights[:32].reshape(8, 4).round(2), "\nchanges", weights[32:35].round(2))
    print("news\n", weights[35:].reshape(6, 6).round(2))
    np.testing.assert_allclose(weights, WEIGHTS, atol=0.02)


def compositions(corpus: Path) -> Iterator[Song]:
    """The compositions of the corpus that were developed on; the fast ones may be counted at half their tempo too."""
    for piece in read_compositions(corpus / "tracks"):
        if piece.name.startswith(DEVELOPED_ON):
            samples = decode(piece.audio, GRID_MEL.sample_rate).samples
            bpm = rendered_bpm(samples, piece.bpm)
            bpms = (bpm, bpm / 2) if bpm >= HALF_IS_FAIR_BPM else (bpm,)
            yield Song(piece.name, author_of(piece.name), samples, bpms, 0.0, STEPS_PER_PHRASE)


def author_of(name: str) -> str:
    """Who made a composition, as far as its name tells: a game, or a person."""
    author = name.split("-")[0] if name.startswith("mod") else "_".join(name.split("_")[:2])
    return _ONE_AUTHOR.get(author, author)


def excerpts(song: Song, kind: str) -> Iterator[GridExcerpt]:
    """Excerpts from random places of a song, levelled each by itself; all of a song together count one."""
    power, rate = mel_power(song.samples, GRID_MEL), GRID_MEL.frame_rate
    rng, duration_s = np.random.default_rng(zlib.crc32(song.name.encode())), len(song.samples) / GRID_MEL.sample_rate
    for _ in range(_EXCERPTS):
        length_s = float(rng.uniform(40, min(120, duration_s)))
        first = round(float(rng.uniform(0, duration_s - length_s)) * rate / 2) * 2
        part = power[first : first + round(length_s * rate)].copy()
        part /= reference_level(part)
        envelope = onset_envelope(part)
        for bpm in song.bpms:
            steps = sixteenths(envelope, rate, bpm)
            head = round((song.head_s - first / rate - steps.first_s) / steps.length_s)
            period = round(min(song.period_steps, STEPS_PER_PHRASE) * bpm / song.bpms[0])
            heads = np.array([(step - head) % period == 0 for step in range(STEPS_PER_PHRASE)], np.float64)
            weight = 1 / len(song.bpms) / _EXCERPTS
            found = evidence(part, envelope, steps.edges)
            yield GridExcerpt(found, heads, song.author, kind, weight, bpm < song.bpms[0])


def fit(taken: list[GridExcerpt]) -> Floats:
    """The weights (71,) at which the heads of phrases are likeliest, held back by their squares."""
    evidences, heads = np.stack([one.evidence for one in taken]), np.stack([one.heads for one in taken])
    shares = np.array([one.weight for one in taken]) / sum(one.weight for one in taken)

    def cost(weights: Floats) -> tuple[float, Floats]:
        scores = evidences @ weights
        right = logsumexp(np.where(heads > 0, log_softmax(scores, axis=1), -np.inf), axis=1)
        slope = softmax(scores, axis=1) - softmax(np.where(heads > 0, scores, -np.inf), axis=1)
        gradient = np.einsum("n,ns,nsf->f", shares, slope, evidences) + _PENALTY * weights
        return float(-(shares @ right) + 0.5 * _PENALTY * weights @ weights), gradient

    return np.asarray(minimize(cost, np.zeros(evidences.shape[2]), jac=True, method="L-BFGS-B").x)


def is_right(one: GridExcerpt, weights: Floats) -> tuple[bool, bool]:
    """Is the winning step on a bar line, on the head of a phrase? At half tempo a bar line is inside each bar too."""
    step = int(np.argmax(one.evidence @ weights))
    bar = STEPS_PER_BAR // 2 if one.halved else STEPS_PER_BAR
    return bool(one.heads.reshape(-1, bar)[:, step % bar].any()), bool(one.heads[step])
