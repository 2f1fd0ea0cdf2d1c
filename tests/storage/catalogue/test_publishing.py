"""The catalogue among other programs: what they hold open, what they leave beside it, and what lies in its place."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from storage.catalogue.ledger import Ledger
from storage.catalogue.publishing import CatalogueHeldError, trouble_with
from storage.catalogue.verification import verify
from storage.errors import UserError
from storage.published.queries import ask, require_known_schema
from storage.workspace import Workspace
from tests.support.dummies import card

OTHER_TOOL = """
import duckdb, sys
catalogue = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "reads")
if sys.argv[2] == "writes":
    catalogue.execute("PRAGMA disable_checkpoint_on_shutdown")
    catalogue.execute("CREATE TABLE my_notes AS SELECT 42 AS a")
print("ready", flush=True)
for line in sys.stdin:
    catalogue.execute(line)
    print("done", flush=True)
"""


@contextmanager
def other_tool(catalogue: Path, does: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has the catalogue open and obeys SQL on its stdin; at the end it is killed."""
    command = [sys.executable, "-c", OTHER_TOOL, str(catalogue), does]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as tool:
        assert tool.stdout is not None
        assert tool.stdout.readline() == "ready\n"
        try:
            yield tool
        finally:
            tool.kill()


def publish(workspace: Workspace, models: int) -> None:
    """Publish a catalogue of so many models."""
    with Ledger.of(workspace) as ledger:
        for number in range(models):
            ledger.register_model(card(model_id=f"{number:012d}"))
        ledger.publish()


def models_in(workspace: Workspace) -> int:
    return int(ask(workspace, "SELECT count(*) FROM models").rows[0][0])


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    publish(made, 1)
    return made


def log_of(workspace: Workspace) -> Path:
    return workspace.root / "catalogue.duckdb.wal"


def test_a_log_that_a_killed_tool_left_is_gone_with_the_next_publication(workspace: Workspace) -> None:
    with other_tool(workspace.catalogue, "writes"):
        pass
    assert log_of(workspace).exists()
    assert models_in(workspace) == 1
    publish(workspace, 2)
    assert not log_of(workspace).exists()
    assert models_in(workspace) == 2
    with duckdb.connect(str(workspace.catalogue), read_only=True) as elsewhere:
        assert elsewhere.execute("SELECT count(*) FROM models").fetchall() == [(2,)]


def test_a_log_written_after_the_publication_by_who_holds_the_old_catalogue_disturbs_no_question(
    workspace: Workspace,
) -> None:
    with other_tool(workspace.catalogue, "holds") as tool:
        publish(workspace, 2)
        assert tool.stdin is not None
        assert tool.stdout is not None
        tool.stdin.write("PRAGMA disable_checkpoint_on_shutdown\nCREATE TABLE my_notes AS SELECT 42 AS a\n")
        tool.stdin.flush()
        assert [tool.stdout.readline(), tool.stdout.readline()] == ["done\n", "done\n"]
    assert log_of(workspace).exists()
    assert models_in(workspace) == 2
    require_known_schema(workspace)
    assert str(log_of(workspace)) in (trouble_with(workspace.catalogue) or "")
    assert [path.name for path in workspace.root.glob(".reading*")] == []
    with Ledger.of(workspace) as ledger:
        (difference,) = verify(workspace, ledger)
        assert (difference.example, "verify --repair" in difference.advice) == (str(log_of(workspace)), True)
        ledger.publish()
        assert verify(workspace, ledger) == []
    assert trouble_with(workspace.catalogue) is None


@pytest.mark.parametrize("does", ["holds", "writes"])
def test_a_catalogue_that_is_held_for_writing_names_its_holder_to_readers_and_stops_no_run(
    does: str, workspace: Workspace
) -> None:
    with other_tool(workspace.catalogue, does) as tool:
        with pytest.raises(CatalogueHeldError, match=rf"process {tool.pid}\); close it there"):
            ask(workspace, "SELECT 1")
        assert f"process {tool.pid}" in (trouble_with(workspace.catalogue) or "")
        require_known_schema(workspace)
        with Ledger.of(workspace) as ledger:
            (difference,) = verify(workspace, ledger)
            assert f"process {tool.pid}" in difference.advice
        publish(workspace, 2)
        assert models_in(workspace) == 2


def test_who_reads_disturbs_nobody(workspace: Workspace) -> None:
    with other_tool(workspace.catalogue, "reads"):
        assert trouble_with(workspace.catalogue) is None
        publish(workspace, 2)
        assert models_in(workspace) == 2


def test_a_folder_in_the_catalogues_place_is_refused_by_name_before_any_work(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.catalogue.mkdir()
    for refused in (lambda: require_known_schema(workspace), lambda: publish(workspace, 1)):
        with pytest.raises(UserError, match=r"catalogue.duckdb is a folder; move it away"):
            refused()
    with pytest.raises(UserError, match="it is a folder; move it away"):
        ask(workspace, "SELECT 1")
    assert "folder" in (trouble_with(workspace.catalogue) or "")


@pytest.mark.parametrize("there", [True, False])
def test_a_link_in_the_catalogues_place_stays_one_and_what_it_names_is_replaced(there: bool, tmp_path: Path) -> None:
    workspace, real = Workspace(tmp_path / "workspace"), tmp_path / "large disk" / "mine.duckdb"
    workspace.root.mkdir()
    if there:
        publish(Workspace(tmp_path / "earlier"), 1)
        real.parent.mkdir()
        (tmp_path / "earlier" / "catalogue.duckdb").rename(real)
    workspace.catalogue.symlink_to(real)
    publish(workspace, 2)
    assert workspace.catalogue.is_symlink()
    assert real.is_file()
    assert models_in(workspace) == 2


def test_a_catalogue_that_is_no_database_is_replaced_by_the_next_publication(workspace: Workspace) -> None:
    workspace.catalogue.write_text("not a database" * 1000)
    with Ledger.of(workspace) as ledger:
        (difference,) = verify(workspace, ledger)
    assert "verify --repair" in difference.advice
    publish(workspace, 1)
    assert models_in(workspace) == 1


def test_what_a_killed_publication_left_is_removed_by_the_next_one(workspace: Workspace) -> None:
    left = workspace.root / ".catalogue.duckdb.a1b2c3.tmp"
    left.write_bytes(bytes(1000))
    other = workspace.root / ".loops.parquet.a1b2c3.tmp"
    other.touch()
    publish(workspace, 1)
    assert (left.exists(), other.exists()) == (False, True)
