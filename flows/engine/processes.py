"""Set-up of each local Dask worker process: it ignores Ctrl-C and has a memory limit."""

import resource
import signal
from typing import Any


def dask_setup(worker: Any) -> None:
    """Leave Ctrl-C to the flow; let an allocation beyond the worker's memory fail, and not the machine.

    A file that needs too much is then a MemoryError, which costs that file and not the process.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit = worker.memory_manager.memory_limit
    if limit:
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
