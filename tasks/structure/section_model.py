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
_HUGE: Final = 700.0
"""The logarithm of about the greatest number there is."""


@dataclass(frozen=True)
class Chain:
    """What sections are worth by themselves: `follow` (before, after), `first` and `last` (labels,), and `length`
    (lengths, labels) from one bar to the longest.
    """

    follow: Floats
    first: Floats
    last: Floats
    length: Floats

    def scaled(self, factor: float) -> "Chain":
        """The same with all worths multiplied."""
        return Chain(self.follow * factor, self.first * factor, self.last * factor, self.length * factor)


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

    Worths are multiplied, where adding their logarithms would take five times as long. They are scaled at every bar, so
    that none grows or shrinks beyond what a number holds, and the logarithms of the scales are kept.
    """
    own = np.exp(label - label.max(axis=2, keepdims=True), dtype=np.float64)
    into = np.exp(border, dtype=np.float64)[:, :, None]
    begun, ended, scale = _forward(chain, own, into)
    onward, after, ways, after_scale = _backward(chain, own, into, bars)
    every = np.arange(len(bars))
    whole = np.log(ended[bars, every] @ np.exp(chain.last)) + scale[bars, every]
    share = np.exp(np.minimum(scale[:-1] + after_scale[1:] - whole, _HUGE))[:, :, None]
    end = ended * after * np.exp(np.minimum(scale + after_scale - whole, _HUGE))[:, :, None]
    start = begun * onward * share
    lengths = np.einsum("btl,bdtl->dl", begun * share, ways)
    before = (ended[:-1] * share).reshape(-1, own.shape[2])
    follow = np.exp(chain.follow) * (before.T @ (onward * into).reshape(before.shape))
    inside = np.cumsum(start, axis=0) - np.cumsum(end[:-1], axis=0)
    return Expectations(np.clip(inside, 0.0, 1.0), start, lengths, follow)


def _forward(chain: Chain, own: Floats, into: Floats) -> tuple[Floats, Floats, Floats]:
    """What all is worth that leads to a section which begins at a bar (bars, tracks, labels), and to one which has
    ended before it; and the logarithm of the scale of both (bars, tracks).
    """
    bars, tracks, labels = own.shape
    follow, length = np.exp(chain.follow), np.exp(chain.length)[:, None, :]
    begun, ended, size = np.zeros_like(own), np.zeros((bars + 1, tracks, labels)), np.ones((bars + 1, tracks, 1))
    lasting = np.zeros((LONGEST_BARS, tracks, labels))
    begun[0] = np.exp(chain.first)
    for bar in range(1, bars + 1):
        lasting[1:] = lasting[:-1]
        lasting[0] = begun[bar - 1]
        lasting *= own[bar - 1]
        so_far = (lasting * length).sum(axis=0)
        size[bar] = so_far.sum(axis=1, keepdims=True)
        lasting /= size[bar]
        ended[bar] = so_far / size[bar]
        if bar < bars:
            begun[bar] = (ended[bar] @ follow) * into[bar]
    return begun, ended, np.log(size[:, :, 0]).cumsum(axis=0)


def _backward(chain: Chain, own: Floats, into: Floats, bars: Numbers) -> tuple[Floats, Floats, Floats, Floats]:
    """What a section that begins at a bar is worth with all that follows (bars, tracks, labels), what follows one that
    has ended before it, and the former by lengths (bars, lengths, tracks, labels). The logarithm of the scale (bars,
    tracks) is that of what follows the end before a bar, and of what begins one bar earlier.
    """
    most, tracks, labels = own.shape
    follow, length = np.exp(chain.follow).T, np.exp(chain.length)[:, None, :]
    onward, after, size = np.zeros_like(own), np.zeros((most + 1, tracks, labels)), np.ones((most + 1, tracks, 1))
    ways = np.zeros((most, LONGEST_BARS, tracks, labels))
    lasting = np.zeros((LONGEST_BARS, tracks, labels))
    after[bars, np.arange(tracks)] = np.exp(chain.last)
    for bar in range(most - 1, -1, -1):
        lasting[1:] = lasting[:-1]
        lasting[0] = after[bar + 1]
        lasting *= own[bar]
        np.multiply(lasting, length, out=ways[bar])
        ways[bar].sum(axis=0, out=onward[bar])
        before = (onward[bar] * into[bar]) @ follow
        total = before.sum(axis=1, keepdims=True)
        size[bar] = np.where(total > 0, total, 1.0)
        after[bar] += before / size[bar]
        lasting /= size[bar]
    return onward, after, ways, np.log(size[::-1, :, 0]).cumsum(axis=0)[::-1]
