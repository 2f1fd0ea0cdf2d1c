"""Measuring the speed of a network on one core."""

import time
from typing import Final

import numpy as np
from torch import nn

from tasks.networks.inference import predict

_SEGMENTS: Final = 96
SEGMENT_S: Final = 7.5
"""Four bars at 128 beats per minute."""


def audio_seconds_per_second(network: nn.Module, frames: int, mels: int) -> float:
    """Seconds of audio that one second of processor time answers for, mels given, four bars being 7.5 seconds.

    It counts the time of all cores, so that it does not depend on how many the libraries use.
    """
    segments = np.zeros((_SEGMENTS, frames, mels), np.float32)
    predict(network, segments)
    spent = []
    for _ in range(3):
        began = time.process_time()
        predict(network, segments)
        spent.append(time.process_time() - began)
    return round(_SEGMENTS * SEGMENT_S / max(min(spent), 1e-9), 0)
