from pathlib import Path

import pytest

from storage.errors import UserError
from tasks.networks import NETWORKS
from tasks.training.sweeps import Sweep, find_sweep, first_round, read_sweep, second_round


@pytest.mark.parametrize("name", ["leaderboard", "paper"])
def test_shipped_sweeps_are_found_and_read(name: str) -> None:
    assert set(read_sweep(find_sweep(name)).networks) <= set(NETWORKS)


def test_every_combination_is_tried_and_what_costs_more_gets_fewer_steps() -> None:
    sweep = Sweep(networks=("separable",), widths={"separable": 4}, seconds=0.5, batch_size=4)
    requests = first_round(sweep, "data", 256, 64, 6)
    assert {(request.pooling, request.training.loss) for request in requests} == {
        ("max", "bce"), ("max", "focal"), ("auto", "bce"), ("auto", "focal"),
    }  # fmt: skip
    wide = first_round(sweep.model_copy(update={"widths": {"separable": 32}}), "data", 256, 64, 6)
    assert max(request.training.steps for request in wide) < min(request.training.steps for request in requests)


def test_the_best_are_trained_again_with_other_seeds() -> None:
    sweep = Sweep(networks=("separable",), widths={"separable": 4}, seconds=0.1, batch_size=4, best=2)
    requests = first_round(sweep, "data", 256, 64, 6)
    again = second_round(sweep, requests, [0.1, 0.4, 0.2, 0.3])
    assert [(request.pooling, request.training.loss, request.training.seed) for request in again] == [
        ("max", "focal", 2), ("max", "focal", 3), ("auto", "focal", 2), ("auto", "focal", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [("networks = ['vgg']", "unknown: vgg"), ("seconds = 0", "seconds"), ("colour = 1", "colour"), ("x", "not TOML")],
)
def test_a_sweep_that_makes_no_sense_is_refused_with_its_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "sweep.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        read_sweep(path)


def test_an_unknown_sweep_lists_the_shipped_ones() -> None:
    with pytest.raises(UserError, match="leaderboard, paper"):
        find_sweep("mine")
