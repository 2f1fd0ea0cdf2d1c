import pytest
import torch

from tasks.features.mel_config import MelConfig
from tasks.training.augmentation import MOST_SEMITONES


@pytest.fixture
def only_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """No synthetic voices and no transposition, so that the bands tell which roles sound."""
    monkeypatch.setattr("tasks.training.batch_mixing._SYNTHETIC", {})
    monkeypatch.setattr("tasks.training.batch_mixing._WET", {})
    mels = MelConfig().mels
    still = torch.eye(mels).expand(2 * MOST_SEMITONES + 1, mels, mels)
    monkeypatch.setattr("tasks.training.batch_mixing.pitch_matrices", lambda hertz: still)
