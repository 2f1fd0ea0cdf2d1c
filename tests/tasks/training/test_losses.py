import numpy as np
import pytest
import torch

from tasks.training.losses import (
    LOSSES,
    Asymmetric,
    BinaryCrossEntropy,
    CellCrossEntropy,
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


def cells(*roles: list[float]) -> torch.Tensor:
    """One row of one beat whose bands have these values for each of three roles."""
    return torch.tensor([[list(roles)]])


def test_cells_are_told_by_their_shares_and_cost_their_cross_entropy() -> None:
    logits, shares = cells([2.0, 0.0, 0.0]), cells([0.75, 0.25, 0.0])
    expected = torch.nn.functional.cross_entropy(logits[0, 0], shares[0, 0])
    loss = CellCrossEntropy()(logits, shares, torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 1, 1))
    torch.testing.assert_close(loss, expected)


def test_a_loud_cell_counts_for_more_than_a_soft_one_and_silence_for_nothing() -> None:
    logits, shares = cells([9.0, 0.0, 0.0], [9.0, 0.0, 0.0]), cells([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    wanted = torch.tensor([[1.0, 1.0, 0.0]])
    soft, loud, silent = (
        CellCrossEntropy()(logits, shares, wanted, torch.tensor([[powers]]))
        for powers in ([1.0, 0.1], [0.1, 1.0], [1.0, 0.0])
    )
    assert loud > 1.5 * soft
    assert silent < 1e-3


def test_where_shares_are_unknown_only_roles_that_are_off_cost_anything() -> None:
    unknown = torch.full((1, 1, 1, 3), -1.0)
    on_or_unsure = torch.tensor([[1.0, -1.0, 0.0]])

    def loss(*logits: float) -> torch.Tensor:
        return CellCrossEntropy()(cells(list(logits)), unknown, on_or_unsure, torch.ones(1, 1, 1))

    torch.testing.assert_close(loss(9.0, 0.0, -9.0), loss(0.0, 9.0, -9.0))
    assert loss(9.0, 0.0, -9.0) < 1e-3 < 5 < loss(0.0, 0.0, 9.0)


def test_a_row_of_which_nothing_is_known_teaches_nothing_and_breaks_nothing() -> None:
    logits = cells([1.0, 2.0, 3.0]).requires_grad_()
    loss = CellCrossEntropy()(logits, torch.full((1, 1, 1, 3), -1.0), torch.zeros(1, 3), torch.ones(1, 1, 1))
    loss.backward()
    assert loss.item() == pytest.approx(0.0, abs=1e-6)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
