"""The servers of a test session: one for all who ask, and none is left over."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.servers import Asked, shared


def start_sleeper(folder: Path) -> tuple["subprocess.Popen[bytes]", Asked]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    return process, lambda: str(process.pid)


def start_failing(folder: Path) -> tuple["subprocess.Popen[bytes]", Asked]:
    (folder / "log").write_text("no port is free")
    return subprocess.Popen([sys.executable, "-c", ""], start_new_session=True), lambda: None


def alive(pid: str) -> bool:
    return psutil.pid_exists(int(pid)) and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE


def test_the_first_to_ask_starts_a_server_and_the_last_to_leave_ends_it(tmp_path: Path) -> None:
    with shared(tmp_path / "sleeper", start_sleeper) as first:
        with shared(tmp_path / "sleeper", start_sleeper) as second:
            assert second == first
        assert alive(first)
    psutil.wait_procs([psutil.Process(int(first))], timeout=10)
    assert not alive(first)
    with shared(tmp_path / "sleeper", start_sleeper) as later:
        assert later != first


def test_a_server_that_does_not_start_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no port is free"), shared(tmp_path / "failing", start_failing):
        pass
