"""What workers run: a part is made once, and a GPU's half and the decoders' half make the same."""

from pathlib import Path

import pytest

from flows.labelling.worker import analyse_part, answer_part, label_part, save_lost_file
from storage.catalogue.label_parts import read_reasons
from storage.models import BUNDLED, ModelStore
from storage.vocabulary import Reason
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import Watchdog
from tests.dummies import clicks, read_part, write


@pytest.fixture(scope="module")
def recipe() -> LabelRecipe:
    stored = ModelStore(BUNDLED).load("default")
    return LabelRecipe.of(stored)


def two_files(folder: Path) -> list[LabelRequest]:
    write(folder / "good.wav", clicks(120, 4.0))
    (folder / "bad.wav").touch()
    return [LabelRequest(name, str(folder / f"{name}.wav")) for name in ("good", "bad")]


def test_a_part_that_is_there_is_not_made_again(tmp_path: Path, recipe: LabelRecipe) -> None:
    requests = two_files(tmp_path)
    first = label_part(requests, recipe, tmp_path / "parts", Watchdog(tmp_path / "reading"))
    assert (first.files, first.failed) == (2, 1)
    (tmp_path / "good.wav").unlink()
    assert label_part(requests, recipe, tmp_path / "parts", Watchdog(tmp_path / "reading")) == first


def test_decoding_here_and_answering_there_make_the_same_part(tmp_path: Path, recipe: LabelRecipe) -> None:
    requests, watch = two_files(tmp_path), Watchdog(tmp_path / "reading")
    alone = label_part(requests, recipe, tmp_path / "alone", watch)
    apart = answer_part(analyse_part(requests, recipe, watch), recipe, tmp_path / "apart")
    assert read_part(Path(alone.part)) == read_part(Path(apart.part))


def test_a_lost_file_becomes_a_part_with_its_reason(tmp_path: Path) -> None:
    receipt = save_lost_file(LabelRequest("key", "/a.wav"), "m", Reason.OOM, tmp_path)
    assert (receipt.files, receipt.failed) == (1, 1)
    assert read_reasons(Path(receipt.part)) == ["oom"]
