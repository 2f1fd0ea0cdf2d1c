"""The watchdog: a file that hangs or kills its process twice is named, and costs nobody else."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError
from tasks.labelling.request import LabelRequest
from tasks.labelling.watchdog import Watchdog, WorkerLifetime

HANG = """
import ctypes, sys
from pathlib import Path
from tasks.labelling.watchdog import Watchdog
from tasks.labelling.request import LabelRequest
with Watchdog(Path(sys.argv[1]), 0.5)(LabelRequest("key", "/no/such/file.wav")):
    ctypes.PyDLL(None).sleep(1000)
"""
REQUEST = LabelRequest("key", "/no/such/file.wav")


def read(folder: Path) -> Reason | None:
    """Read the file under a watch; the reason for which it was refused, if it was."""
    try:
        with Watchdog(folder)(REQUEST):
            return None
    except AudioError as error:
        return error.reason


def die_reading(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / "key").open("a") as note:
        note.write("begun\n")


def test_a_file_that_is_read_leaves_no_note(tmp_path: Path) -> None:
    assert read(tmp_path / "reading") is None
    assert list((tmp_path / "reading").iterdir()) == []


def test_an_error_in_the_file_leaves_no_note_either(tmp_path: Path) -> None:
    with pytest.raises(AudioError), Watchdog(tmp_path)(REQUEST):
        raise AudioError(Reason.SILENT, "")
    assert list(tmp_path.iterdir()) == []


def test_one_death_is_forgiven_and_two_are_not(tmp_path: Path) -> None:
    die_reading(tmp_path)
    assert read(tmp_path) is None
    die_reading(tmp_path)
    die_reading(tmp_path)
    assert read(tmp_path) is Reason.WORKER_KILLED


def test_the_last_batch_of_a_process_lets_no_other_begin() -> None:
    lifetime = WorkerLifetime(5)
    assert [lifetime.begin(2) for _ in range(3)] == [True, True, False]


def test_a_call_that_hangs_with_the_interpreters_lock_is_ended_and_named(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", HANG, str(tmp_path)], timeout=120, check=False)
    assert ended.returncode == 1
    assert read(tmp_path) is Reason.TIMEOUT
