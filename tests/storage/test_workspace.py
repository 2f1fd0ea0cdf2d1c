import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import storage
from storage.errors import UserError, WorkspaceLockedError
from storage.workspace import Workspace

HOLD = """
import sys
from pathlib import Path
from storage.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("nightly"):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_holds(root: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(storage.__file__).parents[1],
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_second_process_cannot_lock_and_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as holder:
        said = rf"being written by 'nightly' \(process {holder.pid} on .+\) since \d{{4}}-\d\d-\d\dT"
        with pytest.raises(WorkspaceLockedError, match=said), Workspace(tmp_path).lock("label"):
            pass
        with pytest.raises(WorkspaceLockedError, match=said):
            Workspace(tmp_path).require_free()


def test_a_refused_process_does_not_disturb_the_holder(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as holder:
        for _ in range(2):
            with pytest.raises(WorkspaceLockedError, match=f"process {holder.pid}"), Workspace(tmp_path).lock("label"):
                pass


def test_a_killed_holder_leaves_no_stale_lock(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as holder:
        holder.kill()
        holder.wait()
    Workspace(tmp_path).require_free()
    with Workspace(tmp_path).lock("label") as workspace:
        assert workspace.root == tmp_path


def test_a_lock_ends_with_its_block_however_that_ends(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Workspace(tmp_path).lock("label"):
        raise ZeroDivisionError
    with Workspace(tmp_path).lock("label"):
        pass


def test_an_ended_holder_is_named_no_more(tmp_path: Path) -> None:
    with another_process_holds(tmp_path) as holder:
        holder.communicate()
    with Workspace(tmp_path).lock("second"), pytest.raises(WorkspaceLockedError, match="'second'"):
        Workspace(tmp_path).require_free()


def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "new")
    assert not workspace.root.exists()
    with workspace.lock("label"):
        assert workspace.root.is_dir()


def test_a_workspace_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    workspace = Workspace(tmp_path / "file" / "new")
    with pytest.raises(UserError, match=r"cannot write the workspace .*file/new"), workspace.lock("label"):
        pass
    with pytest.raises(UserError, match=r"cannot write the workspace .*file/new"):
        workspace.require_free()


def test_everything_lies_below_the_root(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    places = [
        workspace.catalogue, workspace.ledger, workspace.parts, workspace.loops, workspace.datasets, workspace.models,
        workspace.pictures, workspace.prefect,
    ]  # fmt: skip
    assert len(set(places)) == len(places)
    assert all(place.is_relative_to(tmp_path) for place in places)
    assert workspace.catalogue == tmp_path / "catalogue.duckdb"
