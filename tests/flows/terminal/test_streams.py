"""Streams that are closed, full or read by nobody: no traceback, and no output that is lost without a word."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace
from tests.support.commands import Program

pytestmark = pytest.mark.slow

MANY = "SELECT i, repeat('A', 60) AS a FROM range(100000) t(i)"
FEW = "SELECT 1 AS a"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    with Ledger.of(Workspace(tmp_path)) as ledger:
        ledger.publish()
    return tmp_path


def in_shell(program: Program, line: str) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which `rolecall` is the program."""
    line = f'rolecall() {{ "{sys.executable}" -m flows.cli "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", line], env=program.environment(), capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("query", [MANY, FEW])
@pytest.mark.parametrize("style", ["csv", "table", "json"])
def test_a_reader_that_has_enough_is_no_error(alone: Program, workspace: Path, query: str, style: str) -> None:
    ended = in_shell(alone, f'rolecall sql "{query}" --format {style} --workspace "{workspace}" | head -c 3')
    assert len(ended.stdout) == 3
    assert [line for line in ended.stderr.splitlines() if not line.startswith("(")] == []


def test_a_full_disk_behind_stdout_is_said_and_not_passed_over(alone: Program, workspace: Path) -> None:
    ended = in_shell(alone, f'rolecall sql "{FEW}" --json --workspace "{workspace}" > /dev/full')
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "the disk is full" in ended.stderr


def test_closed_streams_are_no_error(alone: Program, tmp_path: Path) -> None:
    for closing in (">&-", "2>&-", ">&- 2>&-"):
        ended = in_shell(alone, f'rolecall sql "{FEW}" --workspace "{tmp_path}" {closing}')
        assert (ended.returncode, "Traceback" in ended.stderr) == (0, False)


def test_work_goes_on_where_nobody_reads_its_progress(alone: Program, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    planned = f'rolecall plan "{tmp_path}/in" --workspace "{tmp_path}/w"'
    ended = in_shell(alone, f'exec 3>&1; (sleep 0.2; {planned} >&3; echo "ended with $?" >&3) 2>&1 | true')
    assert ended.stdout.endswith("ended with 0\n")


@pytest.mark.parametrize(
    "setting", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_help_and_errors_are_printed_in_any_locale(alone: Program, tmp_path: Path, setting: dict[str, str]) -> None:
    plain = Program({**alone.settings, **setting})
    helped, refused = plain("label", "--help"), plain("label", tmp_path / "Ελλάδα 🥁")
    assert (helped.code, refused.code) == (0, 2)
    assert refused.err.startswith("rolecall: ")
    assert refused.err.isascii()
