from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from storage.errors import UserError
from storage.models import ModelStore
from storage.vocabulary import ROLES
from tasks.features.mel_config import MelConfig
from tasks.training.distillation import load_teacher, name_teacher

MEL = MelConfig()


class Loudness(nn.Module):
    """A network from elsewhere: every role has a probability that follows the mean of the log-mels."""

    def __init__(self, roles: int) -> None:
        super().__init__()
        self.roles = roles

    def forward(self, mel: Tensor) -> Tensor:
        return torch.sigmoid(mel.mean(dim=(1, 2)))[:, None].expand(-1, self.roles)


def export(path: Path, roles: int = len(ROLES), mels: int = MEL.mels) -> Path:
    rows = torch.export.Dim("rows", min=2)
    example = torch.zeros(2, MEL.frames_per_segment, mels)
    torch.export.save(torch.export.export(Loudness(roles), (example,), dynamic_shapes=({0: rows},)), path)
    return path


def test_a_program_that_was_exported_elsewhere_teaches(tmp_path: Path) -> None:
    models, path = ModelStore(tmp_path / "models"), export(tmp_path / "loudness.pt2")
    teach = load_teacher(models, [str(path)], MEL)
    assert teach is not None
    answers = teach(torch.full((5, MEL.frames_per_segment, MEL.mels), 2.0))
    torch.testing.assert_close(answers, torch.full((5, len(ROLES)), torch.sigmoid(torch.tensor(2.0)).item()))


def test_a_model_and_a_program_are_an_ensemble(tmp_path: Path) -> None:
    models, path = ModelStore(tmp_path / "models"), export(tmp_path / "loudness.pt2")
    mel = MelConfig(**models.load("default").card.mel)
    asked = torch.zeros(2, mel.frames_per_segment, mel.mels)
    alone, together = load_teacher(models, ["default"], mel), load_teacher(models, ["default", str(path)], mel)
    assert alone is not None
    assert together is not None
    torch.testing.assert_close(together(asked), (alone(asked) + 0.5) / 2)


def test_a_card_names_an_exported_teacher_by_its_file_and_digest(tmp_path: Path) -> None:
    models = ModelStore(tmp_path / "models")
    named = name_teacher(models, str(export(tmp_path / "loudness.pt2")))
    assert named.startswith("loudness.pt2 ")
    (tmp_path / "other").mkdir()
    assert named != name_teacher(models, str(export(tmp_path / "other" / "loudness.pt2", roles=3)))
    assert name_teacher(models, "default") == models.load("default").card.model_id


def test_a_program_that_answers_something_else_is_refused(tmp_path: Path) -> None:
    models = ModelStore(tmp_path / "models")
    with pytest.raises(UserError, match=r"no file .*none\.pt2"):
        load_teacher(models, [str(tmp_path / "none.pt2")], MEL)
    (tmp_path / "text.pt2").write_text("no program")
    with pytest.raises(UserError, match=r"text\.pt2 does not answer log-mels of 256 frames"):
        load_teacher(models, [str(tmp_path / "text.pt2")], MEL)
    with pytest.raises(UserError, match="other answers than one probability for each of bass"):
        load_teacher(models, [str(export(tmp_path / "three.pt2", roles=3))], MEL)
    with pytest.raises(UserError, match="does not answer"):
        load_teacher(models, [str(export(tmp_path / "coarse.pt2", mels=MEL.mels // 2))], MEL)
