from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from storage.models import BUNDLED, ModelStore, StoredModel, identify
from storage.vocabulary import ROLES
from tasks.features.mel_config import MelConfig
from tasks.networks import NETWORKS, NetworkConfig
from tasks.networks.folding import folded
from tasks.networks.inference import load_network, predict, predict_at_two_scales
from tests.support.dummies import card

FRAMES, MELS = MelConfig().frames_per_segment, MelConfig().mels
SEGMENTS = np.random.default_rng(0).normal(-5, 3, (50, FRAMES, MELS)).astype(np.float32)


@pytest.fixture(scope="module")
def bundled() -> StoredModel:
    return ModelStore(BUNDLED).load("default")


def test_a_row_does_not_depend_on_its_neighbours(bundled: StoredModel) -> None:
    network = load_network(bundled.weights, bundled.card)
    together = predict(network, SEGMENTS)
    for place in (0, 7, 31, 32, 49):
        np.testing.assert_allclose(predict(network, SEGMENTS[place : place + 1])[0], together[place], atol=1e-6)


def test_every_row_gets_a_probability_per_role(bundled: StoredModel) -> None:
    answers = predict(load_network(bundled.weights, bundled.card), SEGMENTS)
    assert answers.shape == (50, len(ROLES))
    assert answers.dtype == np.float32
    assert ((answers >= 0) & (answers <= 1)).all()


def test_no_rows_give_no_answers(bundled: StoredModel) -> None:
    assert len(predict(load_network(bundled.weights, bundled.card), SEGMENTS[:0])) == 0


def test_segments_and_bars_are_answered_together_and_no_row_depends_on_its_neighbours(bundled: StoredModel) -> None:
    network = load_network(bundled.weights, bundled.card)
    segments, bars = predict_at_two_scales(network, SEGMENTS)
    np.testing.assert_allclose(segments, predict(network, SEGMENTS), atol=1e-6)
    assert bars.shape == (50, 4, len(ROLES))
    assert ((bars >= 0) & (bars <= 1)).all()
    for place in (0, 7, 49):
        _, alone = predict_at_two_scales(network, SEGMENTS[place : place + 1])
        np.testing.assert_allclose(alone[0], bars[place], atol=1e-6)


def test_half_precision_features_are_taken_as_they_are(bundled: StoredModel) -> None:
    network = load_network(bundled.weights, bundled.card)
    half = SEGMENTS[:3].astype(np.float16)
    np.testing.assert_array_equal(predict(network, half), predict(network, half.astype(np.float32)))


def test_a_saved_network_answers_as_it_did_before(tmp_path: Path) -> None:
    config = NetworkConfig("separable", "auto", MELS, len(ROLES), width=4)
    network = config.build()
    weights = save(network.state_dict())
    stored = ModelStore(tmp_path).save(identify(card(network=config.to_dict())), weights)
    answers = predict(load_network(stored.weights, stored.card), SEGMENTS[:2])
    np.testing.assert_allclose(answers, predict(network, SEGMENTS[:2]), atol=1e-5)


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_without_its_batch_norms_answers_the_same(name: str) -> None:
    torch.manual_seed(3)
    network = NetworkConfig(name, "auto", MELS, len(ROLES), width=4).build().eval()
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.running_mean, module.running_var = torch.randn_like(module.running_mean), module.running_var * 2
    before = predict(network, SEGMENTS[:4])
    norms = sum(isinstance(module, torch.nn.modules.batchnorm._BatchNorm) for module in network.modules())
    left = [m for m in folded(network).modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    assert len(left) < norms / 2
    np.testing.assert_allclose(predict(network, SEGMENTS[:4]), before, atol=1e-5)


def test_a_network_in_training_mode_answers_as_in_evaluation() -> None:
    network = NetworkConfig("separable", "auto", MELS, len(ROLES), width=4).build()
    with torch.no_grad():
        first = predict(network.train(), SEGMENTS[:2])
    np.testing.assert_array_equal(first, predict(network.eval(), SEGMENTS[:2]))


class SmallMemory(torch.nn.Module):
    """A network that a GPU has room for only four segments at a time."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network, self.sizes = network, list[int]()

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        self.sizes.append(len(mel))
        if len(mel) > 4:
            raise torch.OutOfMemoryError("out of memory")
        answer: torch.Tensor = self.network(mel)
        return answer


def test_where_memory_is_short_the_batch_is_halved_until_it_fits(bundled: StoredModel) -> None:
    network = load_network(bundled.weights, bundled.card)
    small = SmallMemory(network)
    np.testing.assert_allclose(predict(small, SEGMENTS[:20]), predict(network, SEGMENTS[:20]), atol=1e-5)
    assert small.sizes == [12, 6] + 7 * [3]
