"""Distillation: an ensemble of trained models as the teacher of a student (Hinton, Vinyals and Dean, 2015)."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from storage.errors import UserError
from storage.models import ModelStore
from storage.vocabulary import ROLES
from tasks.features.mel_config import MelConfig
from tasks.networks.inference import load_network
from tasks.training.loop import Teacher

EXPORTED: Final = ".pt2"
"""The suffix of a program that `torch.export.save` wrote."""


class Ensemble(nn.Module):
    """The mean answer of several networks."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        """`members` must take the same features."""
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, mel: Tensor) -> Tensor:
        """(batch, frames, mels) to (batch, roles), each in 0..1."""
        return torch.stack([member(mel) for member in self.members]).mean(dim=0)


def load_teacher(models: ModelStore, names: Sequence[str], mel: MelConfig) -> Teacher | None:
    """The ensemble of models, by id, name or the path of an exported program; None without any.

    Raises UserError if there is no such model, or a program does not answer log-mels of `mel` as a model does.
    """
    if not names:
        return None
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ensemble = Ensemble([_member(models, name, mel) for name in names]).to(device)

    def teach(mel: Tensor) -> Tensor:
        with torch.inference_mode():
            answers: Tensor = ensemble(mel)
        return answers.clone()

    return teach


def name_teacher(models: ModelStore, name: str) -> str:
    """What a card calls a teacher: the id of a model, or the file name of an exported program and its digest."""
    if not name.endswith(EXPORTED):
        return models.load(name).card.model_id
    return f"{Path(name).name} {hashlib.sha256(Path(name).read_bytes()).hexdigest()[:12]}"


def _member(models: ModelStore, name: str, mel: MelConfig) -> nn.Module:
    if name.endswith(EXPORTED):
        return _exported(Path(name), mel)
    stored = models.load(name)
    return load_network(stored.weights, stored.card).eval()


def _exported(path: Path, mel: MelConfig) -> nn.Module:
    """A program that was exported from any network, on batches of any size."""
    if not path.is_file():
        raise UserError(f"no file {path}; --teacher takes a model or a file of torch.export.save")
    try:
        program: nn.Module = torch.export.load(path).module()
        answers = [program(torch.zeros(rows, mel.frames_per_segment, mel.mels)) for rows in (2, 3)]
    except Exception as error:
        raise UserError(
            f"{path} does not answer log-mels of {mel.frames_per_segment} frames by {mel.mels} bands: {error}"
        ) from None
    if any(tuple(given.shape) != (rows, len(ROLES)) for given, rows in zip(answers, (2, 3), strict=True)):
        raise UserError(f"{path} gives other answers than one probability for each of {', '.join(ROLES)}")
    return program
