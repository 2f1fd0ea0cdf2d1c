import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from storage.vocabulary import ROLES
from tasks.features.cells import BEATS, MELS_PER_CELL
from tasks.features.mel_config import MelConfig
from tasks.networks import NETWORKS, POOLINGS, WIDTHS, CellNetwork, NetworkConfig, RoleNetwork
from tasks.networks.cell_head import CellHead
from tasks.networks.counting import multiplications, parameters

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
EVERY = [
    *((network, "auto") for network in sorted(NETWORKS)),
    *(("separable", pooling) for pooling in sorted(POOLINGS)),
]


def build(network: str, pooling: str) -> RoleNetwork:
    torch.manual_seed(0)
    return NetworkConfig(network, pooling, mels=MELS, roles=len(ROLES), width=4).build().eval()


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
    torch.autograd.backward(built(torch.randn(2, FRAMES, MELS)).sum() + built.penalty())
    assert all(parameter.grad is not None for parameter in built.parameters())


@pytest.mark.parametrize(("network", "pooling"), EVERY)
def test_a_network_is_built_again_from_its_json_form(network: str, pooling: str) -> None:
    config = NetworkConfig(network, pooling, mels=MELS, roles=len(ROLES), width=8)
    again = NetworkConfig(**config.to_dict())  # type: ignore[arg-type]
    assert again == config
    again.build().load_state_dict(config.build().state_dict())


def test_the_separable_network_takes_at_most_40_million_multiplications_a_segment() -> None:
    network = NetworkConfig("separable", "auto", MELS, len(ROLES)).build()
    assert 1e6 < multiplications(network, FRAMES, MELS) <= 40e6
    assert parameters(network) * 4 < 4e6


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_every_network_has_a_width_at_which_it_takes_at_most_60_million(network: str) -> None:
    built = NetworkConfig(network, "auto", MELS, len(ROLES), WIDTHS[network]).build()
    assert 1e6 < multiplications(built, FRAMES, MELS) <= 60e6


def test_multiplications_are_counted_where_they_are_done() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.image, self.dense = nn.Conv2d(1, 3, 3, padding=1), nn.Linear(8, 2)

        def forward(self, mel: torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(self.dense(self.image(mel.unsqueeze(1))))

    assert multiplications(Two(), 4, 8) == 3 * 4 * 8 * 9 + 3 * 4 * 2 * 8


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_a_beat_has_its_own_logits_and_pooling_them_gives_the_answer(network: str) -> None:
    built, mel = build(network, "max"), torch.randn(2, FRAMES, MELS)
    with torch.inference_mode():
        steps = built.frames(mel)
        assert steps.shape == (2, FRAMES // 16, len(ROLES))
        torch.testing.assert_close(built(mel), torch.sigmoid(steps).amax(dim=1))


@pytest.mark.parametrize("network", sorted(NETWORKS))
def test_bars_are_answered_beside_their_segment_by_the_same_convolutions(network: str) -> None:
    built, mel = build(network, "max"), torch.randn(2, FRAMES, MELS)
    with torch.inference_mode():
        features = built.features(mel)
        segments, bars = built.at_two_scales(mel, 4)
        beats = FRAMES // 16 // 4
        torch.testing.assert_close(segments, built(mel))
        assert bars.shape == (2, 4, len(ROLES))
        for bar in range(4):
            alone = torch.sigmoid(built.logits(features[:, bar * beats : (bar + 1) * beats])).amax(dim=1)
            torch.testing.assert_close(bars[:, bar], alone)


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(KeyError, match=r"no network 'vgg'; choose from .*separable"):
        NetworkConfig("vgg", "auto", MELS, 6).build()
    with pytest.raises(
        KeyError, match="no pooling 'sum'; choose from attention, auto, auto-constrained, auto-regularised, max, mean"
    ):
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


def test_the_exponents_of_autopool_are_kept_in_bounds_or_drawn_back() -> None:
    values = torch.rand(2, 16, 6)
    constrained, free, drawn = POOLINGS["auto-constrained"](6), POOLINGS["auto"](6), POOLINGS["auto-regularised"](6)
    for pooling in (constrained, free, drawn):
        nn.init.constant_(pooling.alpha, 50.0)
    assert (constrained(values) < free(values)).all()
    torch.testing.assert_close(drawn(values), free(values))
    assert drawn.penalty() > 0
    assert build("separable", "auto").penalty() == 0


@pytest.mark.parametrize("pooling", sorted(POOLINGS))
def test_a_pooling_of_equal_frames_is_that_frame(pooling: str) -> None:
    frame = torch.tensor(np.linspace(0, 1, 6), dtype=torch.float32)
    torch.testing.assert_close(POOLINGS[pooling](6)(frame.expand(1, 9, 6)), frame[None])


def test_an_image_of_beats_and_bands_is_on_the_way_to_the_answer() -> None:
    network, mel = build("separable", "auto"), torch.randn(2, FRAMES, MELS)
    assert isinstance(network, CellNetwork)
    with torch.inference_mode():
        image = network.image(mel)
        assert image.shape == (2, network.cell_channels, BEATS, MELS // MELS_PER_CELL)
        torch.testing.assert_close(network.answer_image(image), network(mel))
        assert CellHead(network.cell_channels, len(ROLES))(image).shape == (2, BEATS, 8, len(ROLES))
