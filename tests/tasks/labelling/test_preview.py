from pathlib import Path

import pytest

from storage.catalogue.committer import Committer
from storage.catalogue.comparison import FINDINGS
from storage.catalogue.label_parts import write_part
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.labelling.disk_state import read_disk_state
from tasks.labelling.finding import find_audio
from tasks.labelling.preview import preview
from tasks.labelling.request import label_version
from tests.support.dummies import labelled, tone, write

NOTHING = dict.fromkeys(FINDINGS, 0)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    for number in range(3):
        write(tmp_path / "music" / f"{number}.wav", tone(1.0, 100.0 * (number + 1)))
    return tmp_path / "music"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def label_all(music: Path, workspace: Workspace) -> None:
    card = ModelStore(workspace.models).load("default").card
    with Ledger.of(workspace) as ledger:
        ledger.register_model(card)
        ledger.activate_model(card.model_id)
        ledger.open_run("one", "label", card.model_id)
        labels, table = Labels(ledger), find_audio([music]).table
        labels.register("one", read_disk_state(ledger.connection, table), card.model_id, label_version(None))
        outcomes = [labelled(task.label_key, card.model_id) for task in labels.tasks("one")]
        write_part(workspace.parts / "one" / "a.parquet", outcomes)
        Committer(workspace, ledger).commit_left()
        ledger.publish()


def test_before_the_first_run_everything_is_new_and_nothing_is_written(music: Path, workspace: Workspace) -> None:
    assert preview(workspace, [str(music)], None).findings == {**NOTHING, "new": 3}
    assert not workspace.root.exists()


def test_another_range_of_tempi_makes_labels_that_are_to_be_made_again(music: Path, workspace: Workspace) -> None:
    label_all(music, workspace)
    assert preview(workspace, [str(music)], None, (90, 180)).findings == {**NOTHING, "changed": 3}
    assert preview(workspace, [str(music)], None).findings == {**NOTHING, "unchanged": 3}


def test_after_a_run_only_what_changed_is_to_be_done(music: Path, workspace: Workspace) -> None:
    label_all(music, workspace)
    assert preview(workspace, [str(music)], None).findings == {**NOTHING, "unchanged": 3}
    write(music / "0.wav", tone(1.0, 990.0))
    write(music / "9.wav", tone(1.0, 880.0))
    (music / "copy.wav").write_bytes((music / "2.wav").read_bytes())
    assert preview(workspace, [str(music)], None).findings == {
        **NOTHING,
        "unchanged": 2,
        "changed": 1,
        "new": 1,
        "duplicate": 1,
    }


def test_a_path_that_is_not_there_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="is not there"):
        preview(workspace, ["/nowhere"], None)
