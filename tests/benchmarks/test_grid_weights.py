"""Where the weights of `tasks.downbeat` come from: a logistic fit to excerpts of the compositions it was developed on.

Of each composition that `test_grids.py` names as developed on, forty excerpts of 40 to 120 seconds are heard on their
true tempo, those from 165 BPM on at half of it too, as it may be found. Which of the 64 steps of a phrase is its head
is a softmax over the evidence of each; the fit is held back by a penalty that does best on authors left out. Prints how
often bar line and phrase are found in excerpts of such authors, and the weights, doubled as they are in use; fails if
others are in use.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax

from storage.vocabulary import BEATS_PER_BAR
from tasks import downbeat
from tasks.audio import decode
from tasks.compositions import Composition, read_compositions
from tasks.mel import Matrix, mel_power, reference_level
from tasks.onsets import GRID_MEL, means_between, onset_envelope
from tests.benchmarks.test_grids import DEVELOPED_ON, HALF_IS_FAIR_BPM, rendered_bpm

pytestmark = pytest.mark.benchmark

Floats = NDArray[np.float64]

_EXCERPTS: Final = 40
_PENALTY: Final = 0.6
_PHRASE, _BAR, _BEAT = downbeat._PHRASE, downbeat._BAR, downbeat._STEPS
_ONE_AUTHOR: Final = {"lmms_alf42red": "lmms_capdan"}
"""Of which one set the other's songs."""


@dataclass(frozen=True)
class Heard:
    """The evidence (64, 31) of an excerpt; which steps (64,) are heads of phrases; who made it, how much it counts."""

    evidence: Floats
    heads: Floats
    author: str
    weight: float
    halved: bool


def test_grid_weights(corpus: Path) -> None:
    pieces = [piece for piece in read_compositions(corpus / "tracks") if piece.name.startswith(DEVELOPED_ON)]
    heard = [one for piece in pieces for one in excerpts(piece)]
    found = np.zeros((len(heard), 2))
    for author in sorted({one.author for one in heard}):
        weights = fit([one for one in heard if one.author != author])
        for place in [place for place, one in enumerate(heard) if one.author == author]:
            found[place] = judge(heard[place], weights)
    bar, phrase = np.average(found, axis=0, weights=[one.weight for one in heard])
    print(f"\n{len(heard)} excerpts of {len(pieces)} compositions, authors left out: bar {bar:.3f} phrase {phrase:.3f}")
    weights = 2 * fit(heard)
    print("onsets\n", weights[:16].reshape(4, 4).round(2), "\nchanges", weights[16:19].round(2))
    print("new in pair", weights[19:25].round(2), "\nnew in phrase", weights[25:].round(2))
    in_use = (downbeat._ONSETS.ravel(), downbeat._CHANGE_OF_BAR, downbeat._NEW_IN_PAIR, downbeat._NEW_IN_PHRASE)
    np.testing.assert_allclose(weights, np.concatenate(in_use), atol=0.02)


def excerpts(piece: Composition) -> Iterator[Heard]:
    """Excerpts from random places of a composition, levelled each by itself."""
    samples = decode(piece.audio, GRID_MEL.sample_rate).samples
    bpm, power, rate = rendered_bpm(samples, piece.bpm), mel_power(samples, GRID_MEL), GRID_MEL.frame_rate
    rng, duration_s = np.random.default_rng(zlib.crc32(piece.name.encode())), len(samples) / GRID_MEL.sample_rate
    for _ in range(_EXCERPTS):
        length_s = float(rng.uniform(40, min(120, duration_s)))
        first = round(float(rng.uniform(0, duration_s - length_s)) * rate / 2) * 2
        part = power[first : first + round(length_s * rate)].copy()
        part /= reference_level(part)
        for speed in (1.0, 0.5) if bpm >= HALF_IS_FAIR_BPM else (1.0,):
            evidence, phase_s, step_s = weigh(part, bpm * speed)
            head = round((-first / rate - phase_s) / step_s)
            period = round(_PHRASE * speed)
            heads = np.array([(step - head) % period == 0 for step in range(_PHRASE)], np.float64)
            weight = 0.5 if bpm >= HALF_IS_FAIR_BPM else 1.0
            yield Heard(evidence, heads, author_of(piece.name), weight, speed < 1)


def author_of(name: str) -> str:
    """Who made a composition, as far as its name tells: a game, or a person."""
    author = name.split("-")[0] if name.startswith("mod") else "_".join(name.split("_")[:2])
    return _ONE_AUTHOR.get(author, author)


def weigh(power: Matrix, bpm: float) -> tuple[Floats, float, float]:
    """What `first_downbeat` weighs for each of 64 steps (64, 31), the phase and the length of a step in seconds."""
    rate, step_s = GRID_MEL.frame_rate, 60.0 / bpm / _BEAT
    envelope = onset_envelope(power)
    phase_s = downbeat._phase(envelope, rate, step_s)
    steps = int((len(power) / rate - phase_s) / step_s) - 1
    edges = (phase_s + np.arange(steps + 1) * step_s) * rate + 0.5
    onsets = folded(means_between(envelope, edges - 0.45 * (edges[1] - edges[0])), _BAR)
    sounds = downbeat._sounds(power, edges - 0.15 * (edges[1] - edges[0]))
    changes = [downbeat._mean_change(sounds, partial(downbeat._contrast, width=beats * _BEAT)) for beats in (1, 2, 4)]
    columns = [
        *(np.roll(onsets, -beat * _BEAT, axis=0) for beat in range(BEATS_PER_BAR)),
        folded(np.stack(changes, axis=1), _BAR),
        folded(downbeat._news(sounds[:, : downbeat._BASS]), 2 * _BAR),
        folded(downbeat._news(sounds), _PHRASE),
    ]
    return np.concatenate(columns, axis=1), phase_s, step_s


def folded(values: Floats, period: int) -> Floats:
    """Evidence (64, columns), the same in every period."""
    return np.tile(downbeat._standard(downbeat._fold(values, period)), (_PHRASE // period, 1))


def fit(heard: list[Heard]) -> Floats:
    """The weights (31,) at which the heads of phrases are likeliest, held back by their squares."""
    evidence, heads = np.stack([one.evidence for one in heard]), np.stack([one.heads for one in heard])
    shares = np.array([one.weight for one in heard]) / sum(one.weight for one in heard)

    def cost(weights: Floats) -> tuple[float, Floats]:
        scores = evidence @ weights
        right = logsumexp(np.where(heads > 0, log_softmax(scores, axis=1), -np.inf), axis=1)
        slope = softmax(scores, axis=1) - softmax(np.where(heads > 0, scores, -np.inf), axis=1)
        gradient = np.einsum("n,ns,nsf->f", shares, slope, evidence) + _PENALTY * weights
        return float(-(shares @ right) + 0.5 * _PENALTY * weights @ weights), gradient

    return np.asarray(minimize(cost, np.zeros(evidence.shape[2]), jac=True, method="L-BFGS-B").x)


def judge(one: Heard, weights: Floats) -> tuple[bool, bool]:
    """Is the winning step on a bar line, on the head of a phrase? At half tempo a bar line is inside each bar too."""
    step = int(np.argmax(one.evidence @ weights))
    bar = _BAR // 2 if one.halved else _BAR
    return bool(one.heads.reshape(-1, bar)[:, step % bar].any()), bool(one.heads[step])
