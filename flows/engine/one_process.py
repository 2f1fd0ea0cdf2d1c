"""A few items, one after the other, in one process beside this one: done before a cluster would have started."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from threading import Event
from typing import Any, Final, Generic

from flows.engine.interrupts import interrupts_blocked
from flows.engine.outcomes import Finished, Item, Lost, Receipt
from flows.engine.processes import ENVIRONMENT, MEMORY, limit_memory
from storage.vocabulary import Reason

_DEATHS: Final = 3
"""After so many an item is lost: the first may have been the machine's, and the second leaves a note of the reason."""

_JOIN_S: Final = 60.0


def stream_through_one(
    work: Callable[[Sequence[Item]], Receipt], items: Iterable[Item], stop: Event
) -> Iterator[Finished[Item, Receipt] | Lost[Item]]:
    """Have each item done as a batch of its own, and yield how it ended.

    A process that dies is replaced, and what it was at is tried again: an item on which every process died, or which
    needs too much memory, is `Lost`. Once `stop` is set nothing more is begun. Exceptions raised by `work` itself are
    raised here.
    """
    worker = _Worker(work)
    try:
        for item in items:
            if stop.is_set():
                return
            yield worker.outcome(item)
    finally:
        worker.stop()


class _Worker(Generic[Item, Receipt]):
    """A process that does one batch at a time; another takes its place when it dies."""

    def __init__(self, work: Callable[[Sequence[Item]], Receipt]) -> None:
        self._work = work
        self._start()

    def outcome(self, item: Item) -> Finished[Item, Receipt] | Lost[Item]:
        for _ in range(_DEATHS):
            try:
                return Finished([item], self._ask([item]))
            except MemoryError:
                return Lost(item, Reason.OOM)
            except (EOFError, ConnectionError):
                self.stop()
                self._start()
        return Lost(item, Reason.WORKER_KILLED)

    def stop(self) -> None:
        """End the process; what it is at, if this is not its end, is finished first."""
        self._connection.close()
        self._process.join(_JOIN_S)
        self._process.kill()

    def _ask(self, batch: Sequence[Item]) -> Receipt:
        self._connection.send(batch)
        receipt, error = self._connection.recv()
        if error is not None:
            raise error
        return receipt  # type: ignore[no-any-return]

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        with interrupts_blocked(), _environment(ENVIRONMENT):
            self._process.start()
        theirs.close()


def _serve(connection: "Connection[Any, Any]", work: Callable[[Any], Any]) -> None:
    """Do what comes until nobody is at the other end, which is so too when the flow is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limit_memory(MEMORY)
    while True:
        try:
            batch = connection.recv()
        except EOFError:
            return
        answer: tuple[Any, Exception | None]
        try:
            answer = work(batch), None
        except Exception as error:
            answer = None, error
        connection.send(answer)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Variables that a process finds which is started in the `with` block."""
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        yield
    finally:
        for name in settings:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]
