"""Set-up of each worker process: it ignores Ctrl-C, has a memory limit, and works on one thread."""

import resource
import signal
from typing import Any, Final

MEMORY: Final = 2 << 30
"""Bytes that a worker on this machine may have."""

ENVIRONMENT: Final = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Dask's own 64 KiB hands every array back to the system; with it page faults took 28 % of the CPU of rendering.
    "MALLOC_TRIM_THRESHOLD_": str(1 << 27),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 25),
}
"""What libraries must find in the environment when a worker process starts."""


def dask_setup(worker: Any) -> None:
    """Called by Dask in each local worker: leave Ctrl-C to the flow, and keep within the worker's memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit = worker.memory_manager.memory_limit
    if limit:
        limit_memory(limit)


def limit_memory(size: int) -> None:
    """Let an allocation beyond so many bytes fail in this process, and not the machine.

    A file that needs too much is then a MemoryError, which costs that file and not the process.
    """
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (size, most))
