from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file

from storage.models import ModelStore
from storage.vocabulary import BARS_PER_SEGMENT, ROLES
from tasks.audio.decoding import decode
from tasks.features.mel import sums_between
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_filters
from tasks.labelling.batch import label_batch
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.networks import NetworkConfig
from tests.support.dummies import TRACKS


def _plain_power(samples: NDArray[np.float32], config: MelConfig) -> NDArray[np.float64]:
    padded = np.pad(samples.astype(np.float64), config.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop_length]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(config.n_fft) / config.n_fft)
    return np.concatenate(
        [np.abs(np.fft.rfft(some * window)) ** 2 @ mel_filters(config).T for some in np.array_split(frames, 20)]
    )


def _plain_windows(
    power: NDArray[np.float64], starts_s: list[float], bar_s: float, config: MelConfig
) -> NDArray[np.float64]:
    totals = np.sort(power.sum(axis=1))
    power = power / totals[-(len(totals) // 4) :].mean()
    steps = np.arange(config.frames_per_segment + 1) * bar_s * BARS_PER_SEGMENT / config.frames_per_segment
    step_frames = (steps[1] - steps[0]) * config.frame_rate
    edges = [np.clip((start_s + steps) * config.frame_rate + 0.5, 0, len(power)) for start_s in starts_s]
    return np.log(np.stack([sums_between(power, some) for some in edges]) / step_frames + 1e-6)


@pytest.mark.parametrize("name", ["dirtylove.ogg", "loop_arrangement.ogg"])
def test_labels_are_those_of_the_plain_computation_in_double_precision(name: str, tmp_path: Path) -> None:
    stored = ModelStore(tmp_path).load("default")
    config, network = MelConfig(**stored.card.mel), NetworkConfig(**stored.card.network).build().double().eval()
    network.load_state_dict(load_file(stored.weights))
    [outcome] = label_batch([LabelRequest(str(TRACKS / name), str(TRACKS / name))], LabelRecipe.of(stored))
    assert outcome.bpm is not None
    bar_s = 240 / outcome.bpm
    whole = [one for one in outcome.segments if one.end_s - one.start_s > (BARS_PER_SEGMENT - 1e-3) * bar_s]
    power = _plain_power(decode(TRACKS / name, config.sample_rate).samples, config)
    mels = _plain_windows(power, [one.start_s for one in whole], bar_s, config)
    with torch.inference_mode():
        plain = network(torch.from_numpy(mels))
    scale, shift = np.array([stored.card.calibration.get(role, (1.0, 0.0)) for role in ROLES]).T
    calibrated = torch.sigmoid(torch.from_numpy(scale) * torch.logit(plain) + torch.from_numpy(shift)).numpy()
    np.testing.assert_allclose(np.array([one.activations for one in whole]), calibrated, atol=1e-4)
