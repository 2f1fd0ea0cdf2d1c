"""What workers run: a part is made once, and a GPU's half and the decoders' half make the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from flows.labelling.engines import keep_part
from flows.labelling.remote_worker import (
    ModelForWorkers,
    RemoteBatches,
    analyse_there,
    answer_and_send,
    label_and_send,
    make_ready,
)
from flows.labelling.worker import label_part, save_lost_file
from storage.catalogue.label_parts import read_reasons
from storage.errors import UserError
from storage.models import BUNDLED, ModelStore
from storage.vocabulary import Reason
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import Watchdog
from tests.support.dummies import clicks, write


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


@pytest.fixture(scope="module")
def given() -> ModelForWorkers:
    return ModelForWorkers.of(ModelStore(BUNDLED).load("default"))


def test_a_part_that_is_sent_is_the_one_that_is_written_also_where_a_gpu_answers(
    tmp_path: Path, recipe: LabelRecipe, given: ModelForWorkers
) -> None:
    requests, batches = two_files(tmp_path), RemoteBatches(given.mark, "run", 120)
    written = label_part(requests, recipe, tmp_path / "written", Watchdog(tmp_path / "reading"))
    make_ready(given, tmp_path / "scratch", "the worker")
    sent = label_and_send(requests, batches)
    kept = keep_part(sent, tmp_path / "sent")
    assert (kept.files, kept.failed, Path(kept.part).name) == (2, 1, Path(written.part).name)
    assert Path(kept.part).read_bytes() == Path(written.part).read_bytes()
    assert answer_and_send(analyse_there(requests, batches), batches) == sent


def test_the_model_is_kept_by_its_digest_and_mended_where_it_was_damaged(
    tmp_path: Path, given: ModelForWorkers
) -> None:
    make_ready(given, tmp_path, "the worker")
    (kept,) = tmp_path.glob("*.safetensors")
    assert kept.stem == given.card.weights_digest
    kept.write_bytes(b"damaged")
    make_ready(given, tmp_path, "the worker")
    assert kept.read_bytes() == given.weights


def test_a_worker_that_is_not_like_the_flow_is_refused_by_name(tmp_path: Path, given: ModelForWorkers) -> None:
    other = replace(given, versions={**given.versions, "numpy": "1.26.0"})
    with pytest.raises(UserError, match=r"the worker w7 is not like this flow: numpy \S+ and not 1\.26\.0"):
        make_ready(other, tmp_path, "the worker w7")
    assert not list(tmp_path.iterdir())
    assert other.mark != given.mark


def test_a_lost_file_becomes_a_part_with_its_reason(tmp_path: Path) -> None:
    receipt = save_lost_file(LabelRequest("key", "/a.wav"), "m", Reason.OOM, tmp_path)
    assert (receipt.files, receipt.failed) == (1, 1)
    assert read_reasons(Path(receipt.part)) == ["oom"]
