from pathlib import Path

from storage.workspace import Workspace
from tasks.doctor import examine


def test_all_is_well_here_except_perhaps_the_workspace(tmp_path: Path) -> None:
    findings = examine(Workspace(tmp_path))
    assert [(name, said) for name, well, said in findings if not well and name != "workspace"] == []
    assert {"python", "torch", "decodes MP3", "bundled model", "workspace"} <= {name for name, _, _ in findings}
    assert all(said for _, _, said in findings)


def test_a_workspace_that_does_not_exist_yet_is_examined_and_not_made(tmp_path: Path) -> None:
    examine(Workspace(tmp_path / "new" / "place"))
    assert not (tmp_path / "new").exists()


def test_a_workspace_that_cannot_be_made_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    verdicts = {name: (well, said) for name, well, said in examine(Workspace(tmp_path / "file" / "place"))}
    assert not verdicts["workspace"][0]
