import numpy as np
import pytest
import torch

from tasks.training.losses import (
    LOSSES,
    Asymmetric,
    BinaryCrossEntropy,
    ClassBalanced,
    Focal,
    build_loss,
)

GIVEN = torch.tensor([[0.9, 0.2, 0.6], [0.1, 0.7, 0.5]])
WANTED = torch.tensor([[1.0, 0.0, -1.0], [0.0, 1.0, 1.0]])
LABELS = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, -1, 0]], np.float32)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_unknown_cells_count_for_nothing(name: str) -> None:
    loss, other = build_loss(name, LABELS), GIVEN.clone()
    other[0, 2] = 0.01
    torch.testing.assert_close(loss(GIVEN, WANTED), loss(other, WANTED))
    assert loss(GIVEN, torch.full_like(WANTED, -1.0)) == 0


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_the_truth_costs_next_to_nothing_and_its_opposite_much(name: str) -> None:
    loss = build_loss(name, LABELS)
    truth = WANTED.clamp(min=0)
    assert loss(truth, WANTED) < 1e-3 < 1 < loss(1 - truth, WANTED)
    assert torch.isfinite(loss(1 - truth, WANTED))


def test_binary_cross_entropy_is_that_of_torch() -> None:
    known = WANTED >= 0
    expected = torch.nn.functional.binary_cross_entropy(GIVEN[known], WANTED[known])
    torch.testing.assert_close(BinaryCrossEntropy()(GIVEN, WANTED), expected)


def test_focal_loss_without_focus_is_cross_entropy_and_with_it_spares_what_is_right() -> None:
    torch.testing.assert_close(Focal(gamma=0.0)(GIVEN, WANTED), BinaryCrossEntropy()(GIVEN, WANTED))
    sure, unsure, on = torch.tensor([[0.9]]), torch.tensor([[0.5]]), torch.tensor([[1.0]])
    plain, focal = BinaryCrossEntropy(), Focal()
    assert focal(sure, on) / focal(unsure, on) < plain(sure, on) / plain(unsure, on)


def test_asymmetric_loss_forgets_the_easiest_negatives() -> None:
    off = torch.tensor([[0.0]])
    assert Asymmetric()(torch.tensor([[0.04]]), off) < 1e-6 < Asymmetric()(torch.tensor([[0.5]]), off)


def test_class_balance_weighs_rare_roles_more() -> None:
    weights = ClassBalanced(LABELS, beta=0.9).weights
    assert weights[0] < weights[1] == weights[2]
    assert weights.sum() == pytest.approx(3, abs=1e-5)


def test_an_unknown_loss_lists_the_choices() -> None:
    with pytest.raises(KeyError, match="no loss 'hinge'; choose from asymmetric, bce, class-balanced, focal"):
        build_loss("hinge", LABELS)
