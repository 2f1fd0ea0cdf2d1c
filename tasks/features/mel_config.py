"""The frozen configuration of the log-mel transform: stored with every data set and every model."""

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import BARS_PER_SEGMENT

Matrix = NDArray[np.float32]


@dataclass(frozen=True)
class MelConfig:
    """Everything that decides the bytes of a feature; hashable, and stored with each data set and model.

    Rates in Hz, lengths in samples; `frames_per_bar` is the resolution on the musical time axis of
    a segment.
    """

    sample_rate: int = 16_000
    n_fft: int = 2048
    hop_length: int = 512
    mels: int = 128
    fmin: float = 30.0
    fmax: float = 8_000.0
    frames_per_bar: int = 64

    @property
    def frames_per_segment(self) -> int:
        """Frames of a segment of four bars."""
        return self.frames_per_bar * BARS_PER_SEGMENT

    @property
    def frame_rate(self) -> float:
        """Frames per second before a segment is cut."""
        return self.sample_rate / self.hop_length

    def to_json(self) -> str:
        """The configuration as stable JSON: as storage writes it."""
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def digest(self) -> str:
        """SHA-256 of the JSON form."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()
