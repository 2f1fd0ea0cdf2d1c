"""Parts are merged and kept; parts, ledger and catalogue can be compared; a lost ledger is made again from parts."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from storage.catalogue.archive import archive_parts, merged_parts
from storage.catalogue.committer import Committer
from storage.catalogue.ledger import Ledger
from storage.catalogue.verification import repair_orphans, verify
from tests.support.dummies import Nights

A: dict[str, Any] = {"path": "/a.wav"}
B: dict[str, Any] = {"path": "/b.wav"}
C: dict[str, Any] = {"path": "/c.wav"}


def parts_of(nights: Nights) -> list[str]:
    return sorted(
        path.relative_to(nights.workspace.parts).as_posix() for path in nights.workspace.parts.rglob("*.parquet")
    )


@pytest.fixture
def finished(nights: Nights) -> Nights:
    nights.survey("one", A, B, C)
    nights.work("one", bad=["/c.wav"], part="a")
    nights.work("one", bad=["/c.wav"], part="b")
    nights.committer.commit_left()
    nights.ledger.publish()
    archive_parts(nights.workspace, nights.ledger)
    return nights


def test_the_parts_of_a_run_become_one_file_and_are_not_committed_again(finished: Nights) -> None:
    assert parts_of(finished) == ["archive/000000-one.parquet"]
    archive = finished.workspace.parts / "archive" / "000000-one.parquet"
    assert (pq.read_metadata(archive).num_rows, merged_parts(archive)) == (6, ["one/a.parquet", "one/b.parquet"])
    assert finished.committer.commit_left() == 0
    assert finished.ask("SELECT attempts FROM errors") == [(1,)]
    archive_parts(finished.workspace, finished.ledger)
    assert parts_of(finished) == ["archive/000000-one.parquet"]


def test_an_archive_that_a_kill_left_unnoted_is_not_committed_a_second_time(nights: Nights) -> None:
    nights.run("one", A, C, bad=["/c.wav"])
    archive = nights.workspace.parts / "archive" / "000000-one.parquet"
    archive_parts(nights.workspace, nights.ledger)
    nights.ledger.connection.execute("DELETE FROM ledger.committed_part WHERE run_id = 'archive'")
    nights.ledger.connection.execute("UPDATE ledger.committed_part SET archive = NULL")
    assert archive.exists()
    assert nights.committer.commit_left() == 0
    assert nights.ask("SELECT attempts FROM errors") == [(1,)]


def test_a_lost_ledger_is_made_again_from_the_parts_without_labelling_anything(
    finished: Nights, tmp_path: Path
) -> None:
    before = finished.ask("SELECT label_key, model_id, probabilities FROM ledger.label ORDER BY ALL")
    finished.ledger.connection.close()
    finished.workspace.ledger.unlink()
    with Ledger.of(finished.workspace) as ledger:
        again = Nights(finished.workspace, ledger)
        assert Committer(finished.workspace, ledger).commit_left() == 6
        assert again.ask("SELECT label_key, model_id, probabilities FROM ledger.label ORDER BY ALL") == before
        findings = again.survey("two", A, B, C)
        assert [task.path for task in again.labels.tasks("two")] == ["/c.wav"]
        assert findings == {"/a.wav": "duplicate", "/b.wav": "duplicate", "/c.wav": "new"}
    finished.ledger._connection = finished.ledger._open()


def test_what_agrees_has_no_difference(finished: Nights) -> None:
    assert verify(finished.workspace, finished.ledger) == []


def test_every_difference_is_named_with_what_to_do(finished: Nights) -> None:
    finished.survey("two", A, B, C, {"path": "/d.wav"})
    finished.work("two")
    finished.ledger.connection.execute("INSERT INTO ledger.segment VALUES (999, 0, 1, 4, 0, 8, 0, 0, 0, 0, 0, 0)")
    (finished.workspace.parts / "archive" / "000000-one.parquet").unlink()
    found = {difference.what: difference for difference in verify(finished.workspace, finished.ledger)}
    assert found.keys() == {
        "parts that are not committed",
        "parts that were committed and are gone",
        "rows of segment without a label",
        "tables of the catalogue that differ from the ledger",
    }
    assert found["parts that are not committed"].example == "two/a.parquet"
    assert all(difference.advice for difference in found.values())


def test_repairing_leaves_no_difference(finished: Nights) -> None:
    finished.survey("two", {"path": "/d.wav"})
    finished.work("two")
    finished.ledger.connection.execute("INSERT INTO ledger.segment VALUES (999, 0, 1, 4, 0, 8, 0, 0, 0, 0, 0, 0)")
    finished.committer.commit_left()
    repair_orphans(finished.ledger)
    finished.ledger.publish()
    assert verify(finished.workspace, finished.ledger) == []


def test_a_part_that_was_damaged_after_its_commit_is_found(nights: Nights) -> None:
    nights.run("one", A)
    nights.ledger.publish()
    (nights.workspace.parts / "one" / "a.parquet").write_text("no parquet any more")
    (difference,) = verify(nights.workspace, nights.ledger)
    assert (difference.count, difference.example) == (1, "one/a.parquet")
