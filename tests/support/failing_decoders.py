"""Decoders that die, hang or find nothing, by the name of the file they are given; for workers of any kind.

Production code knows nothing of it: Dask loads it where `DASK_DISTRIBUTED__WORKER__PRELOAD` names this file, and a
test starts the processes of a pool with `start`.
"""

import ctypes
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tasks.audio import decoding
from tasks.audio.readers import Reader

_open_reader = decoding.open_reader


def open_failing_reader(path: Path) -> Reader:
    if "kills" in path.name:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hangs" in path.name:
        # A call through PyDLL keeps the interpreter's lock, so that no Python thread and no signal handler runs.
        ctypes.PyDLL(None).sleep(100_000)
    if "slow" in path.name:
        time.sleep(0.5)
    return _open_reader(path)


def dask_setup(worker: Any) -> None:
    """Called by Dask as the worker starts: after the survey, before the first file is read."""
    decoding.open_reader = open_failing_reader
    vanishing = os.environ.get("TEST_VANISHING")
    if vanishing:
        Path(vanishing).unlink(missing_ok=True)


def start() -> None:
    """Called in a process of a pool as it starts."""
    decoding.open_reader = open_failing_reader


def label_part(requests: Sequence[Any], **settings: Any) -> Any:
    """What a worker runs, with these decoders; for a process that has imported none of it yet."""
    start()
    from flows.labelling import worker

    return worker.label_part(requests, **settings)
