import pytest
import torch
from hypothesis import settings

from tasks.augmenting import MOST_SEMITONES
from tasks.mel import MelConfig

# A busy machine is no reason to fail, nor to wait: threads that wait for each other are slower than one.
settings.register_profile("rolecall", deadline=None, max_examples=60)
settings.load_profile("rolecall")
torch.set_num_threads(1)


@pytest.fixture
def only_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made and nothing transposed, so that what sounds can be told by its bands."""
    monkeypatch.setattr("tasks.composing._MADE", {})
    mels = MelConfig().mels
    still = torch.eye(mels).expand(2 * MOST_SEMITONES + 1, mels, mels)
    monkeypatch.setattr("tasks.composing.pitch_matrices", lambda hertz: still)
