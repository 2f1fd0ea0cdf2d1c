"""The section model: which way to cut a track into labelled sections is likeliest, and how sure that is.

A semi-Markov conditional random field (Sarawagi and Cohen, NIPS 2004): a way to cut and label a track is scored by how
well its bars suit their labels, how much speaks for a border where it has one, which label follows which, and how long
sections of each label are.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

LONGEST_BARS: Final = 32
"""A longer section is several of one label."""

_LENGTH_STEPS: Final = (2, 4, 6, 8, 12, 16, 24, 32)
_NEVER: Final = -1e9


@dataclass(frozen=True)
class Chain:
    """What sections are worth by themselves: `follow` (before, after), `first` and `last` (labels,), and `length`
    (lengths, labels) from one bar to the longest.
    """

    follow: Floats
    first: Floats
    last: Floats
    length: Floats


@dataclass(frozen=True)
class SectionModel:
    """The learned weights: of a hidden layer over the standardised features of a bar, and of what follows from it."""

    mean: Floats
    spread: Floats
    into: Floats
    into_bias: Floats
    label: Floats
    label_bias: Floats
    border: Floats
    border_bias: Floats
    border_direct: Floats
    follow: Floats
    first: Floats
    last: Floats
    length: Floats

    @classmethod
    def from_bytes(cls, weights: bytes) -> "SectionModel":
        """The model whose weights `to_bytes` wrote."""
        return cls(**{name: values.astype(np.float64) for name, values in load(weights).items()})

    def to_bytes(self) -> bytes:
        """The weights as safetensors."""
        return save({name: np.ascontiguousarray(values, np.float32) for name, values in vars(self).items()})

    def chain(self) -> Chain:
        """What sections are worth by themselves."""
        return Chain(self.follow, self.first, self.last, length_features() @ self.length.T)

    def bar_scores(self, features: Floats) -> tuple[Floats, Floats]:
        """How well each bar suits each label (bars, labels), and how much speaks for a border before it (bars,)."""
        values = (features - self.mean) / self.spread
        hidden = np.tanh(values @ self.into + self.into_bias)
        return hidden @ self.label + self.label_bias, hidden @ self.border + values @ self.border_direct + (
            self.border_bias
        )


@dataclass(frozen=True)
class Expectations:
    """What is expected over all ways to cut and label tracks: the probability of each label at each bar (bars, tracks,
    labels), that a section of each label begins there (the same), and how many sections of each length (lengths,
    labels) and how many borders from label to label (labels, labels) all tracks together have.
    """

    label: Floats
    start: Floats
    length: Floats
    follow: Floats


def length_features() -> Floats:
    """What is known of each length from 1 bar to the longest (lengths, n): how long, and multiples of 2, 4 and 8."""
    lengths = np.arange(1, LONGEST_BARS + 1)[:, None]
    longer = lengths >= np.array(_LENGTH_STEPS)
    whole = lengths % np.array([2, 4, 8]) == 0
    return np.hstack([longer, whole]).astype(np.float64)


def likeliest_labels(chain: Chain, label: Floats, border: Floats) -> Numbers:
    """The labels of the bars (bars,) in the likeliest way to cut and label a track (Viterbi)."""
    bars, labels = label.shape
    total = np.concatenate([np.zeros((1, labels)), label.cumsum(axis=0)])
    begun = np.empty((bars, labels))
    begun[0] = chain.first
    length, before = np.empty((bars + 1, labels), np.int64), np.empty((bars, labels), np.int64)
    end = begun[0]
    for bar in range(1, bars + 1):
        reach = min(bar, LONGEST_BARS)
        ways = begun[bar - reach : bar][::-1] + chain.length[:reach]
        length[bar] = ways.argmax(axis=0) + 1
        end = ways.max(axis=0) + total[bar]
        if bar < bars:
            follow = end[:, None] + chain.follow
            before[bar] = follow.argmax(axis=0)
            begun[bar] = follow.max(axis=0) + border[bar] - total[bar]
    found = np.empty(bars, np.int64)
    bar, state = bars, int((end + chain.last).argmax())
    while bar:
        start = bar - int(length[bar, state])
        found[start:bar] = state
        bar, state = start, int(before[start, state]) if start else state
    return found


def expectations(chain: Chain, label: Floats, border: Floats, bars: Numbers) -> Expectations:
    """Forward and backward over tracks at once: `label` (bars, tracks, labels) and `border` (bars, tracks), of which
    each track has the first `bars` (tracks,).
    """
    most, tracks, labels = label.shape
    total = np.concatenate([np.zeros((1, tracks, labels), label.dtype), label.cumsum(axis=0)])
    worth = chain.length[:, None, :]
    begun, ended = np.full(label.shape, _NEVER, label.dtype), np.full(total.shape, _NEVER, label.dtype)
    begun[0] = chain.first
    for bar in range(1, most + 1):
        reach = min(bar, LONGEST_BARS)
        ended[bar] = _log_sum(begun[bar - reach : bar][::-1] + worth[:reach]) + total[bar]
        if bar < most:
            into = ended[bar].T[:, None] + chain.follow[..., None]
            begun[bar] = _log_sum(into).T + border[bar, :, None] - total[bar]
    last = np.arange(tracks)
    everything = _log_sum((ended[bars, last] + chain.last).T)[:, None]
    # What it is worth to go on from the end of a section at a bar, with the labels of all bars before it.
    after, start, end = np.full_like(ended, _NEVER), np.zeros_like(label), np.zeros_like(ended)
    after[bars, last] = chain.last + total[bars, last]
    lengths, follow = np.zeros_like(chain.length), np.zeros_like(chain.follow)
    for bar in range(most - 1, -1, -1):
        reach = min(most - bar, LONGEST_BARS)
        ways = after[bar + 1 : bar + 1 + reach] + worth[:reach]
        onward = _log_sum(ways)
        start[bar] = np.exp(begun[bar] + onward - everything)
        lengths[:reach] += (np.exp(ways - onward) * start[bar]).sum(axis=1)
        end[bar + 1] = np.exp(ended[bar + 1] - total[bar + 1] + after[bar + 1] - everything)
        inner = bar < bars
        if bar and inner.any():
            pairs = chain.follow.T[..., None] + (onward - total[bar] + border[bar, :, None])[inner].T[:, None]
            after[bar, inner] = _log_sum(pairs).T + total[bar, inner]
            follow += np.exp(ended[bar, inner].T + pairs - everything[inner, 0]).sum(axis=2).T
    inside = np.cumsum(start, axis=0) - np.cumsum(end[:-1], axis=0)
    return Expectations(np.clip(inside, 0.0, 1.0), start, lengths, follow)


def _log_sum(values: Floats) -> Floats:
    """The log of the sum of exponentials along the first axis."""
    most = values.max(axis=0)
    return np.asarray(np.log(np.exp(values - most).sum(axis=0)) + most)
