"""Distillation: an ensemble of trained models as the teacher of a student (Hinton, Vinyals and Dean, 2015)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from storage.models import ModelStore
from tasks.networks.inference import load_network
from tasks.training.loop import Teacher


class Ensemble(nn.Module):
    """The mean answer of several networks."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        """`members` must take the same features."""
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, roles), each in 0..1."""
        return torch.stack([member(mel) for member in self.members]).mean(dim=0)


def load_teacher(models: ModelStore, names: Sequence[str]) -> Teacher | None:
    """The ensemble of models, by id or name; None without any. Raises UserError if there is no such model."""
    if not names:
        return None
    stored = [models.load(name) for name in names]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ensemble = Ensemble([load_network(model.weights, model.card) for model in stored]).to(device).eval()

    def teach(mel: Tensor) -> Tensor:
        with torch.inference_mode():
            answers: Tensor = ensemble(mel)
        return answers.clone()

    return teach
