"""Features of a pretrained tagging network, the front end of musicnn, for soft labels.

Pons and Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging" (ISMIR 2019, late-breaking
demo). Its filters for timbre and rhythm were learned on the Million Song Dataset; here they stay fixed, and
the heads of a teacher learn from them.
"""

import hashlib
from importlib import resources
from pathlib import Path
from typing import Final

import librosa
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import conv2d, pad

from tasks.audio.decoding import Samples

RATE: Final = 16_000
"""Sample rate of the front end in Hz."""

_N_FFT: Final = 512
_HOP: Final = 256
_MELS: Final = 96
_RMS: Final = 0.1
_STRIDE: Final = 4
"""Frames between two outputs: the features are statistics over time, and a smaller stride added nothing."""


class PretrainedFeatures:
    """Extracts the outputs of musicnn's filters: their maximum, mean and deviation over time."""

    def __init__(self) -> None:
        """Read the bundled weights."""
        path = Path(str(resources.files("storage") / "bundled" / "teacher" / "musicnn-front-end.safetensors"))
        self.digest: Final = hashlib.sha256(path.read_bytes()).hexdigest()
        self._weights = load_file(path)
        self._bank = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=_N_FFT, n_mels=_MELS)).float()
        self._window = torch.hann_window(_N_FFT)
        self._branches = sorted({name.split(".")[1] for name in self._weights if name.startswith("filters.")})

    def extract(self, samples: Samples) -> NDArray[np.float16]:
        """Features (1683,) of mono samples (n,) at `RATE`; loudness does not matter."""
        level = np.float32(_RMS / max(1e-4, float(np.sqrt(np.mean(np.square(samples))))))
        with torch.inference_mode():
            answers = self._answers(self._log_mel(torch.from_numpy(samples * level)))
            outputs = torch.cat([answers.amax(dim=1), answers.mean(dim=1), answers.std(dim=1)])
        features: NDArray[np.float16] = outputs.to(torch.float16).numpy()
        return features

    def _log_mel(self, samples: Tensor) -> Tensor:
        """Log-mel (frames, mels) as musicnn was trained with."""
        spectrum = torch.stft(samples, _N_FFT, _HOP, window=self._window, return_complex=True)
        return torch.log10(1e4 * (self._bank @ spectrum.abs().square()).T + 1)

    def _answers(self, mel: Tensor) -> Tensor:
        """Each filter's answer (filters, steps), the greatest over the bands."""
        weights = self._weights
        image = (mel * weights["input.scale"] + weights["input.shift"])[None, None]
        answers = []
        for branch in self._branches:
            named = {part: weights[f"filters.{branch}.{part}"] for part in ("weight", "bias", "scale", "shift")}
            before = (named["weight"].shape[2] - 1) // 2
            padded = pad(image, (0, 0, before, named["weight"].shape[2] - 1 - before))
            outputs = torch.relu(conv2d(padded, named["weight"], named["bias"], stride=(_STRIDE, 1)))
            answers.append(outputs.amax(dim=3)[0] * named["scale"][:, None] + named["shift"][:, None])
        return torch.cat(answers)
