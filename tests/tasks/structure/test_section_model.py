from itertools import pairwise, product

import numpy as np
import pytest

from tasks.structure.section_model import LONGEST_BARS, Chain, expectations, length_features, likeliest_labels

LABELS = 3


@pytest.fixture
def chain() -> Chain:
    rng = np.random.default_rng(1)
    return Chain(
        follow=rng.normal(size=(LABELS, LABELS)),
        first=rng.normal(size=LABELS),
        last=rng.normal(size=LABELS),
        length=rng.normal(size=(LONGEST_BARS, LABELS)),
    )


def ways(bars: int) -> list[tuple[list[int], list[int]]]:
    """Every way to cut and label a track: where sections begin, and their labels."""
    cuts = [[0, *(bar for bar in range(1, bars) if inner[bar - 1])] for inner in product([0, 1], repeat=bars - 1)]
    return [(starts, list(labels)) for starts in cuts for labels in product(range(LABELS), repeat=len(starts))]


def worth(chain: Chain, label: np.ndarray, border: np.ndarray, starts: list[int], labels: list[int]) -> float:
    total = chain.first[labels[0]] + chain.last[labels[-1]]
    for (start, end), one in zip(pairwise([*starts, len(label)]), labels, strict=True):
        total += label[start:end, one].sum() + chain.length[end - start - 1, one]
    total += sum(border[start] for start in starts[1:]) + sum(
        chain.follow[one, other] for one, other in pairwise(labels)
    )
    return float(total)


def test_the_likeliest_labels_are_those_of_the_way_that_is_worth_most(chain: Chain) -> None:
    rng = np.random.default_rng(2)
    label, border = rng.normal(size=(5, LABELS)), rng.normal(size=5)
    starts, labels = max(ways(5), key=lambda way: worth(chain, label, border, *way))
    found = likeliest_labels(chain, label, border)
    assert found.tolist() == np.repeat(labels, np.diff([*starts, 5])).tolist()


def test_what_is_expected_is_the_mean_over_all_ways_and_does_not_depend_on_longer_tracks_beside(chain: Chain) -> None:
    rng = np.random.default_rng(3)
    label, border = rng.normal(size=(7, 2, LABELS)), rng.normal(size=(7, 2))
    found = expectations(chain, label, border, np.array([5, 7]))
    weights = np.zeros(2)
    inside, begins = np.zeros((7, 2, LABELS)), np.zeros((7, 2, LABELS))
    lengths, follow = np.zeros_like(chain.length), np.zeros_like(chain.follow)
    for track, bars in enumerate((5, 7)):
        cut = [(way, np.exp(worth(chain, label[:bars, track], border[:bars, track], *way))) for way in ways(bars)]
        whole = sum(weight for _, weight in cut)
        for (starts, labels), weight in cut:
            for (start, end), one in zip(pairwise([*starts, bars]), labels, strict=True):
                inside[start:end, track, one] += weight / whole
                begins[start, track, one] += weight / whole
                lengths[end - start - 1, one] += weight / whole
            for one, other in pairwise(labels):
                follow[one, other] += weight / whole
        weights[track] = whole
    np.testing.assert_allclose(found.label[:5, 0], inside[:5, 0], atol=1e-9)
    np.testing.assert_allclose(found.label[:, 1], inside[:, 1], atol=1e-9)
    np.testing.assert_allclose(found.start[:5, 0], begins[:5, 0], atol=1e-9)
    np.testing.assert_allclose(found.length, lengths, atol=1e-9)
    np.testing.assert_allclose(found.follow, follow, atol=1e-9)


def test_a_section_beyond_the_longest_is_one_run_of_its_label(chain: Chain) -> None:
    label = np.zeros((3 * LONGEST_BARS, LABELS))
    label[:, 1] = 5
    assert set(likeliest_labels(chain, label, np.full(len(label), -1.0)).tolist()) == {1}


def test_lengths_are_told_by_steps_and_by_whole_phrases() -> None:
    features = length_features()
    assert len(features) == LONGEST_BARS
    assert features[7].tolist()[-3:] == [1, 1, 1]  # Eight bars: whole pairs, fours and eights.
    assert features[5].tolist()[-3:] == [1, 0, 0]
