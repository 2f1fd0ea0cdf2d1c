"""Fitting the section model by gradient descent on the likelihood of true sections."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from storage.vocabulary import SectionLabel
from tasks.structure.section_model import LONGEST_BARS, Chain, Expectations, SectionModel, expectations, length_features

Example = tuple[NDArray[np.float64], NDArray[np.int64]]
"""The features (bars, n) and the labels (bars,) of a track."""

_LABELS: Final = len(SectionLabel)
_BARS_A_STEP: Final = 512
_BAR_SCALE: Final = 0.4
_READY: Final = 1.0
"""What is added to the score of every border: the likeliest cut has fewer of them than are to be expected."""

_RARE: Final = 1e-4
"""What is taken to have happened of all that never did."""


@dataclass(frozen=True)
class FitSettings:
    """How the model is fitted: units of its hidden layer, steps, tracks a step, rate, decay of the weights.

    In the `first_steps` bars are looked at by themselves, which is a hundred times as fast. A bar is without the share
    `dropout` of its features, others at each step. What is right has to win by a margin: while tracks are looked at,
    each bar of a wrong label is worth `margin` more than it is, and each border that is not there, or is missed,
    `border_margin` (softmax margin: Gimpel and Smith, NAACL 2010).
    """

    hidden: int = 12
    steps: int = 60
    first_steps: int = 800
    batch: int = 32
    rate: float = 5e-3
    decay: float = 0.1
    dropout: float = 0.3
    margin: float = 0.15
    border_margin: float = 0.7
    seed: int = 1


class _Weights(nn.Module):
    """The weights of a `SectionModel` as they are learned."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.into = nn.Linear(features, hidden)
        self.label = nn.Linear(hidden, _LABELS)
        self.border = nn.Linear(hidden, 1)
        self.border_direct = nn.Linear(features, 1, bias=False)
        self.follow = nn.Parameter(torch.zeros(_LABELS, _LABELS))
        self.first = nn.Parameter(torch.zeros(_LABELS))
        self.last = nn.Parameter(torch.zeros(_LABELS))
        self.length = nn.Parameter(torch.zeros(_LABELS, length_features().shape[1]))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.into(features))
        return self.label(hidden), (self.border(hidden) + self.border_direct(features))[..., 0]


def fit(examples: list[Example], weights: list[float], settings: FitSettings) -> SectionModel:
    """Fit a model to examples, of which each is drawn as often as its weight says; one seed gives one model."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    stacked = np.concatenate([features for features, _ in examples])
    mean, spread = stacked.mean(axis=0), np.maximum(stacked.std(axis=0), 1e-3)
    learned = _Weights(stacked.shape[1], settings.hidden)
    optimiser = torch.optim.AdamW(learned.parameters(), settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, settings.rate, total_steps=settings.steps)
    share = np.array(weights) / np.sum(weights)
    _fit_bars(learned, [((features - mean) / spread, labels) for features, labels in examples], share, settings, rng)
    _start_chain(learned, [labels for _, labels in examples], share)
    for _ in range(settings.steps):
        some = _of_one_length(examples, rng.choice(len(examples), 4 * settings.batch, p=share), settings.batch, rng)
        optimiser.zero_grad()
        some = [((features - mean) / spread, labels) for features, labels in some]
        _surrogate(learned, some, settings).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return _section_model(learned, mean, spread)


def _fit_bars(
    learned: _Weights,
    examples: list[Example],
    share: NDArray[np.float64],
    settings: FitSettings,
    rng: np.random.Generator,
) -> None:
    """Learn which label a bar has, and whether a section begins there, without regard to its neighbours."""
    features = torch.from_numpy(np.concatenate([values for values, _ in examples]).astype(np.float32))
    labels = torch.from_numpy(np.concatenate([truth for _, truth in examples]))
    begins = torch.from_numpy(np.concatenate([np.diff(truth, prepend=truth[0]) != 0 for _, truth in examples]))
    counts = np.array([len(truth) for _, truth in examples])
    chances = np.repeat(share / counts, counts)
    bars = rng.choice(len(chances), (settings.first_steps, _BARS_A_STEP), p=chances / chances.sum())
    optimiser = torch.optim.AdamW(learned.parameters(), settings.rate, weight_decay=settings.decay)
    for some in torch.from_numpy(bars):
        label, border = learned(nn.functional.dropout(features[some], settings.dropout))
        loss = nn.functional.cross_entropy(label, labels[some])
        loss = loss + nn.functional.binary_cross_entropy_with_logits(border, begins[some].float())
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


@torch.no_grad()
def _start_chain(learned: _Weights, truths: list[NDArray[np.int64]], share: NDArray[np.float64]) -> None:
    """Begin with how often each label follows each and how long sections are, and bars that count less for that.

    Bars beside each other say much the same, so their scores are scaled down before they are added up.
    """
    follow, first = np.full((_LABELS, _LABELS), _RARE), np.full(_LABELS, _RARE)
    last, length = first.copy(), np.full((LONGEST_BARS, _LABELS), _RARE)
    for truth, weight in zip(truths, share, strict=True):
        first[truth[0]] += weight
        last[truth[-1]] += weight
        for start, end in sections_within(truth):
            length[end - start - 1, truth[start]] += weight
            if start:
                follow[truth[start - 1], truth[start]] += weight
    # What ends does so where it may; how often a label is last is counted against how often something follows it.
    onward = follow.sum(axis=1) + last
    features = np.hstack([length_features(), np.ones((LONGEST_BARS, 1))])
    by_length = np.linalg.lstsq(features, np.log(length / length.sum(axis=0)), rcond=None)[0]
    learned.length.copy_(torch.from_numpy(by_length[:-1].T))
    learned.follow.copy_(torch.from_numpy(np.log(follow / onward[:, None]) + by_length[-1]))
    learned.first.copy_(torch.from_numpy(np.log(first / first.sum()) + by_length[-1]))
    learned.last.copy_(torch.from_numpy(np.log(last / onward)))
    for layer in (learned.label, learned.border):
        layer.weight.mul_(_BAR_SCALE)
        layer.bias.mul_(_BAR_SCALE)
    learned.border_direct.weight.mul_(_BAR_SCALE)


def sections_within(truth: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """From which bar to before which each section lasts; one beyond the longest is several."""
    begins = np.flatnonzero(np.diff(truth, prepend=-1)).tolist()
    for begin, end in zip(begins, [*begins[1:], len(truth)], strict=True):
        for start in range(begin, end, LONGEST_BARS):
            yield start, min(start + LONGEST_BARS, end)


def _of_one_length(
    examples: list[Example], drawn: NDArray[np.int64], count: int, rng: np.random.Generator
) -> list[Example]:
    """Of those drawn some neighbours in length, so that little of a batch is padding."""
    ordered = sorted(drawn, key=lambda place: len(examples[place][1]))
    first = count * int(rng.integers(len(drawn) // count))
    return [examples[place] for place in ordered[first : first + count]]


def _surrogate(learned: _Weights, examples: list[Example], settings: FitSettings) -> Tensor:
    """A sum with the gradient of the negative log likelihood a bar: scores times what is expected less what is true."""
    bars = np.array([len(labels) for _, labels in examples])
    features = np.zeros((bars.max(), len(examples), examples[0][0].shape[1]), np.float32)
    for place, (values, _) in enumerate(examples):
        features[: len(values), place] = values
    label, border = learned(nn.functional.dropout(torch.from_numpy(features), settings.dropout))
    lengths = torch.from_numpy(length_features()).float() @ learned.length.T
    chain = Chain(*(_array(one) for one in (learned.follow, learned.first, learned.last, lengths)))
    truths = [labels for _, labels in examples]
    worse, astray = _costs(truths, settings)
    excess = _less(expectations(chain, _array(label) + worse, _array(border) + astray, bars), truths)
    last = excess.label[bars - 1, np.arange(len(bars))].sum(axis=0)
    scores = [label, border, learned.first, learned.last, lengths, learned.follow]
    starts = excess.start.sum(axis=2)
    starts[0] = 0
    parts = [excess.label, starts, excess.start[0].sum(axis=0), last, excess.length, excess.follow]
    pairs = zip(scores, parts, strict=True)
    return torch.stack([(one * torch.from_numpy(part).float()).sum() for one, part in pairs]).sum() / int(bars.sum())


def _costs(truths: list[NDArray[np.int64]], settings: FitSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is added, while it learns, to wrong labels (bars, tracks, labels) and wrong borders (bars, tracks)."""
    most = max(len(truth) for truth in truths)
    labels = np.zeros((most, len(truths), _LABELS))
    borders = np.zeros((most, len(truths)))
    for track, truth in enumerate(truths):
        labels[: len(truth), track] = settings.margin
        labels[np.arange(len(truth)), track, truth] = 0
        begins = np.diff(truth, prepend=truth[0]) != 0
        borders[: len(truth), track] = np.where(begins, -settings.border_margin, settings.border_margin)
    return labels, borders


def _less(expected: Expectations, truths: list[NDArray[np.int64]]) -> Expectations:
    """What is expected, less what is true."""
    for track, truth in enumerate(truths):
        expected.label[len(truth) :, track] = 0
        expected.label[np.arange(len(truth)), track, truth] -= 1
        for start, end in sections_within(truth):
            state = truth[start]
            expected.start[start, track, state] -= 1
            expected.length[end - start - 1, state] -= 1
            if start:
                expected.follow[truth[start - 1], state] -= 1
    return expected


def _array(tensor: Tensor) -> NDArray[np.float64]:
    return tensor.detach().numpy()


def _section_model(learned: _Weights, mean: NDArray[np.float64], spread: NDArray[np.float64]) -> SectionModel:
    return SectionModel(
        mean=mean,
        spread=spread,
        into=_array(learned.into.weight.T),
        into_bias=_array(learned.into.bias),
        label=_array(learned.label.weight.T),
        label_bias=_array(learned.label.bias),
        border=_array(learned.border.weight[0]),
        border_bias=_array(learned.border.bias) + _READY,
        border_direct=_array(learned.border_direct.weight[0]),
        follow=_array(learned.follow),
        first=_array(learned.first),
        last=_array(learned.last),
        length=_array(learned.length),
    )
