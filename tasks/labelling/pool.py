"""Labelling files in a pool of processes on this machine: no Prefect, no Dask, no catalogue."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from loky import BrokenProcessPool
from loky.process_executor import ProcessPoolExecutor

from storage.catalogue.label_parts import LabelOutcome
from tasks.labelling.batch import label_batch
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.labelling.watchdog import TIME_LIMIT_S, Watchdog

_AHEAD: Final = 2
"""Files in flight for each process: one that is read, one that waits."""


def label_each(
    requests: Iterable[LabelRequest], recipe: LabelRecipe, processes: int, limit_s: float = TIME_LIMIT_S
) -> Iterator[LabelOutcome]:
    """One outcome a file, in the order of `requests`, which are drawn as they are needed.

    A file that takes longer than `limit_s` seconds (and one for each megabyte), or that kills the process which reads
    it, has an outcome that says so; the others are labelled.
    """
    with TemporaryDirectory(prefix="rolecall-") as notes:
        watch = Watchdog(Path(notes), limit_s)
        pool = _Pool(processes, partial(_label_one, recipe=recipe, watch=watch))
        in_flight: deque[tuple[LabelRequest, Future[LabelOutcome]]] = deque()
        try:
            # The note that the watch leaves on a file has its key for a name.
            for number, request in enumerate(requests):
                keyed = replace(request, label_key=str(number))
                in_flight.append((keyed, pool.submit(keyed)))
                if len(in_flight) >= _AHEAD * processes:
                    yield pool.outcome(*in_flight.popleft())
            while in_flight:
                yield pool.outcome(*in_flight.popleft())
        finally:
            pool.shutdown()


class _Pool:
    """Processes that label one file at a time; they are replaced when one of them dies."""

    def __init__(self, processes: int, label: "partial[LabelOutcome]") -> None:
        self._processes, self._label = processes, label
        self._executor = _executor(processes)

    def submit(self, request: LabelRequest) -> "Future[LabelOutcome]":
        try:
            future: Future[LabelOutcome] = self._executor.submit(self._label, request)
        except BrokenProcessPool:
            self._executor = _executor(self._processes)
            future = self._executor.submit(self._label, request)
        return future

    def outcome(self, request: LabelRequest, future: "Future[LabelOutcome]") -> LabelOutcome:
        """The outcome of a file; if its process died, which took all others along, it is tried again by itself."""
        while True:
            try:
                return future.result()
            except BrokenProcessPool:
                with _executor(1) as alone:
                    future = alone.submit(self._label, request)
                    future.exception()

    def shutdown(self) -> None:
        self._executor.shutdown(kill_workers=True)


def _executor(processes: int) -> ProcessPoolExecutor:
    # Not started by importing the caller's script again: it needs no `if __name__ == "__main__"`.
    return ProcessPoolExecutor(processes, initializer=_start)


def _start() -> None:
    from tasks.networks.inference import use_one_thread

    use_one_thread()


def _label_one(request: LabelRequest, recipe: LabelRecipe, watch: Watchdog) -> LabelOutcome:
    return label_batch([request], recipe, watch)[0]
