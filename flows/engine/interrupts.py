"""Ctrl-C and SIGTERM: a run ends after the batches in flight, which its worker processes finish."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from threading import Event, Thread
from typing import Final

from flows.terminal.streams import say

stop_requested: Final = Event()
"""Set it to end a run after the batches in flight; what is left is taken up by the next run."""


class StoppedError(Exception):
    """Raised when a run is stopped; the next run goes on from there."""


def wait_unless_stopped(seconds: float) -> None:
    """Sleep; raises StoppedError as soon as the run is to end."""
    if stop_requested.wait(seconds):
        raise StoppedError("stopped; the next run goes on from here")


@contextmanager
def stop_on_interrupt() -> Iterator[None]:
    """Turn SIGINT and SIGTERM into `stop_requested` for the length of a `with` block.

    A terminal sends Ctrl-C to every process of the group, and Prefect's server would die of it. So the signal is
    blocked here, which child processes inherit, and a thread waits for it; the handler is for threads that were
    there before. Dask's workers set their own (`flows.engine.processes`).
    """
    handlers = {number: signal.signal(number, _request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    Thread(target=lambda: _request_stop(signal.sigwait({signal.SIGINT})), daemon=True).start()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def interrupts_blocked() -> Iterator[None]:
    """Block Ctrl-C here, which the threads and processes that are started from here inherit.

    A worker would otherwise die of it until `flows.engine.processes` has run there, and the run with it.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, set())
    resource_tracker.ensure_running()  # where it is started it unblocks Ctrl-C, and that would be a worker's parent
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _request_stop(*_: object) -> None:
    if not stop_requested.is_set():
        say("stopping after the files in flight; the next run goes on from there")
        stop_requested.set()
