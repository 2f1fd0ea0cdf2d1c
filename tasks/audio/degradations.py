"""Degradations of audio, for robustness tests: MP3, other levels, other speeds, a low-pass filter."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy.signal
import soundfile
import soxr

from tasks.audio.decoding import Samples


@dataclass(frozen=True)
class Degradation:
    """A change of mono samples at a sample rate; `speed` is how much faster it is afterwards."""

    name: str
    change: Callable[[Samples, int], Samples]
    speed: float = 1.0


def mp3(samples: Samples, sample_rate: int) -> Samples:
    """Through MP3 at a constant 128 kb/s, at 32 kHz."""
    louder = soxr.resample(samples, sample_rate, 2 * sample_rate)
    file = io.BytesIO()
    # The encoder's levels run from 320 kb/s at 0 to 32 kb/s at 1; this one is 128 kb/s.
    soundfile.write(
        file, np.clip(louder, -1, 1), 2 * sample_rate, format="MP3", subtype="MPEG_LAYER_III",
        compression_level=0.6667, bitrate_mode="CONSTANT",
    )  # fmt: skip
    file.seek(0)
    decoded, rate = soundfile.read(file, dtype="float32")
    return np.asarray(soxr.resample(decoded, rate, sample_rate)[: len(samples)], np.float32)


def gain(decibels: float) -> Callable[[Samples, int], Samples]:
    """Louder or softer, cut off at full scale."""
    return lambda samples, _: np.clip(samples * np.float32(10 ** (decibels / 20)), -1, 1)


def faster(speed: float) -> Callable[[Samples, int], Samples]:
    """Played faster or slower, as a turntable does: tempo and pitch move together."""
    return lambda samples, rate: np.asarray(soxr.resample(samples, rate * speed, rate), np.float32)


def dull(hertz: float) -> Callable[[Samples, int], Samples]:
    """Through a low-pass filter of fourth order."""

    def change(samples: Samples, rate: int) -> Samples:
        sections = scipy.signal.butter(4, hertz, fs=rate, output="sos")
        return np.asarray(scipy.signal.sosfilt(sections, samples), np.float32)

    return change


DEGRADATIONS: Final = (
    Degradation("MP3 at 128 kb/s", mp3),
    Degradation("6 dB louder", gain(6.0)),
    Degradation("6 dB softer", gain(-6.0)),
    Degradation("3 % faster", faster(1.03), 1.03),
    Degradation("3 % slower", faster(0.97), 0.97),
    Degradation("low-pass at 4 kHz", dull(4000.0)),
)
