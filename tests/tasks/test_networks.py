import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from storage.vocabulary import ROLES
from tasks.mel import MelConfig
from tasks.networks import NETWORKS, POOLINGS, NetworkConfig

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
EVERY = [(network, pooling) for network in sorted(NETWORKS) for pooling in sorted(POOLINGS)]


def build(network: str, pooling: str) -> nn.Module:
    torch.manual_seed(0)
    return NetworkConfig(network, pooling, mels=MELS, roles=len(ROLES)).build().eval()


def multiplications(network: nn.Module, mel: torch.Tensor) -> int:
    """Counted where they are done: in every convolution and every linear layer."""
    total = 0

    def count(module: nn.Module, _: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            total += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += output.numel() * module.in_features

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.inference_mode():
        network(mel)
    return total


@pytest.mark.parametrize(("network", "pooling"), EVERY)
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_every_network_gives_one_probability_per_role(network: str, pooling: str, scale: float) -> None:
    with torch.inference_mode():
        answers = build(network, pooling)(scale * torch.randn(3, FRAMES, MELS))
    assert answers.shape == (3, len(ROLES))
    assert ((answers >= 0) & (answers <= 1)).all()


@pytest.mark.parametrize(("network", "pooling"), EVERY)
def test_every_network_can_learn(network: str, pooling: str) -> None:
    built = build(network, pooling).train()
    torch.autograd.backward(built(torch.randn(2, FRAMES, MELS)).sum())
    assert all(parameter.grad is not None for parameter in built.parameters())


@pytest.mark.parametrize(("network", "pooling"), EVERY)
def test_a_network_is_built_again_from_its_json_form(network: str, pooling: str) -> None:
    config = NetworkConfig(network, pooling, mels=MELS, roles=len(ROLES), width=8)
    again = NetworkConfig(**config.to_dict())  # type: ignore[arg-type]
    assert again == config
    again.build().load_state_dict(config.build().state_dict())


def test_the_separable_network_takes_at_most_40_million_multiplications_a_segment() -> None:
    assert 1e6 < multiplications(build("separable", "auto"), torch.zeros(1, FRAMES, MELS)) <= 40e6


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(KeyError, match=r"no network 'vgg'; choose from .*separable"):
        NetworkConfig("vgg", "auto", MELS, 6).build()
    with pytest.raises(KeyError, match="no pooling 'sum'; choose from auto, max, mean"):
        NetworkConfig("separable", "sum", MELS, 6).build()


@given(st.integers(1, 20), st.integers(0, 1000))
def test_a_pooled_probability_lies_between_the_mean_and_the_maximum(frames: int, seed: int) -> None:
    values = torch.rand(2, frames, 6, generator=torch.Generator().manual_seed(seed))
    mean, highest = POOLINGS["mean"](6)(values), POOLINGS["max"](6)(values)
    torch.testing.assert_close(mean, values.mean(dim=1))
    torch.testing.assert_close(highest, values.max(dim=1).values)
    auto = POOLINGS["auto"](6)
    torch.testing.assert_close(auto(values), mean)
    for parameter in auto.parameters():
        nn.init.constant_(parameter, 5.0)
    pooled = auto(values)
    assert (pooled >= mean - 1e-6).all()
    assert (pooled <= highest + 1e-6).all()


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_a_pooling_of_equal_frames_is_that_frame(pooling: str) -> None:
    frame = torch.tensor(np.linspace(0, 1, 6), dtype=torch.float32)
    torch.testing.assert_close(POOLINGS[pooling](6)(frame.expand(1, 9, 6)), frame[None])
