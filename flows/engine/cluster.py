"""The Dask cluster: opening a client, and streaming batches to workers through a bounded window.

Prefect sees one task run; Dask sees the batches; memory holds one window of them, however many there are.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from threading import Event
from typing import Any, Final, TypeVar

import dask
from distributed import Client, Future, LocalCluster, as_completed, secede
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.scheduler import KilledWorker

from flows.engine.interrupts import interrupts_blocked
from flows.engine.outcomes import Finished, Item, Lost, Receipt
from flows.engine.processes import ENVIRONMENT, MEMORY
from flows.terminal.streams import say
from storage.errors import UserError
from storage.vocabulary import Reason

Prepared = TypeVar("Prepared")

_WINDOW_PER_WORKER: Final = 2
_LOOK_EVERY_S: Final = 5.0
_JOIN_S: Final = 60.0

_LOCAL_SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": 2,
    # A worker holds nothing for Dask: where memory runs short, it is the file in hand, and pausing would wait for ever.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    # Looking at itself a hundred times a second cost Dask 5 % of a core in each worker and 4 % in the flow.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.system-monitor.gil.enabled": False,
    # On a busy machine a process that is replaced takes longer than Dask's 15 s, after which it would be given up.
    "distributed.deploy.lost-worker-timeout": "1 day",
    **{f"distributed.nanny.pre-spawn-environ.{name}": value for name, value in ENVIRONMENT.items()},
}


@contextmanager
def open_client(address: str | None, workers: int, memory: int | str | None = MEMORY) -> Iterator[Client]:
    """A client of the cluster at `address`, or of a local one with this many single-threaded processes.

    `memory` is the most that each of these may have; None leaves it to the machine.

    Raises UserError if nobody answers at `address`.
    """
    # Prefect's logging set-up makes the scheduler talk; what matters comes back as receipts and errors.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with dask.config.set(_LOCAL_SETTINGS):
        if address is not None:
            with _connect(address) as client:
                yield client
            return
        with (
            tempfile.TemporaryDirectory(prefix="rolecall-dask-") as scratch,
            interrupts_blocked(),
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=memory,
                local_directory=scratch,
                silence_logs="CRITICAL",
                preload=[*dask.config.get("distributed.worker.preload"), "flows.engine.processes"],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def _connect(address: str) -> Client:
    try:
        client = Client(address, set_as_default=False, timeout="30s")
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: {error}; start one, or leave --dask out") from error
    try:
        client.wait_for_workers(1, timeout=_JOIN_S)
    except TimeoutError as error:
        client.close()
        raise UserError(f"no worker has joined the Dask scheduler at {address}; start dask worker {address}") from error
    if crowded := [worker for worker, threads in client.nthreads().items() if threads > 1]:
        client.close()
        raise UserError(f"the worker {crowded[0]} runs several threads, which cannot be stopped apart: --nthreads 1")
    return client


def training_resources(client: Client) -> dict[str, float] | None:
    """A graphics card for each training, where every worker offers one."""
    gpus = _gpus(client)
    return {"GPU": 1} if gpus and all(gpus.values()) else None


def stream(
    client: Client,
    work: Callable[[Sequence[Item]], Receipt],
    batches: Iterable[Sequence[Item]],
    stop: Event,
    mark: str | None = None,
) -> Iterator[Finished[Item, Receipt] | Lost[Item]]:
    """Send batches to the workers, never more than a window at once, and yield each as it comes back.

    A batch whose worker died, or ran out of memory, is halved and sent again, down to the one item that does it, which
    is yielded as `Lost`. Once `stop` is set nothing new is sent; what is in flight still comes back. Exceptions raised
    by `work` itself are raised here; UserError if the scheduler is lost. Workers may come and go: with a `mark`
    (`flows.engine.worker_setup`) only those that have it get work.
    """
    marked = {mark: 1} if mark else None
    return _stream(client, lambda batch: client.submit(work, batch, pure=False, resources=marked), batches, stop)


def stream_through_gpus(
    client: Client,
    prepare: Callable[[Sequence[Item]], Prepared],
    work: Callable[[Prepared], Receipt],
    batches: Iterable[Sequence[Item]],
    stop: Event,
    mark: str | None = None,
) -> Iterator[Finished[Item, Receipt] | Lost[Item]]:
    """As `stream`, in two steps: only workers that declare a GPU do the `work`, on what others `prepare`.

    A batch is sent for preparation to a worker without a GPU; one that has a GPU and nothing to do may take it from the
    queue. What was prepared goes from worker to worker; the window bounds how much of it waits.
    """
    others = [address for address, gpus in _gpus(client).items() if not gpus]
    marked = {mark: 1} if mark else {}

    def send(batch: Sequence[Item]) -> Future[Any]:
        prepared = client.submit(
            prepare, batch, pure=False, workers=others or None, allow_other_workers=True, resources=marked or None
        )
        return client.submit(work, prepared, pure=False, resources={"GPU": 1, **marked})

    return _stream(client, send, batches, stop)


def let_next_begin() -> None:
    """Called on a worker, by the work: the next batch may begin in another thread while this one is brought to its end.

    What is at work counts no longer as the worker's one task, so that Dask starts the one that waits there. It is lost
    with its worker as before, and a batch that has begun is not taken by another worker.
    """
    secede()


def has_gpus(client: Client) -> bool:
    """Whether any worker declares a GPU (`dask worker --resources GPU=1`)."""
    return any(_gpus(client).values())


def _gpus(client: Client) -> dict[str, float]:
    workers = client.scheduler_info()["workers"]
    return {address: float(worker["resources"].get("GPU", 0)) for address, worker in workers.items()}


def _stream(
    client: Client, send: Callable[[Sequence[Item]], Future[Any]], batches: Iterable[Sequence[Item]], stop: Event
) -> Iterator[Finished[Item, Any] | Lost[Item]]:
    waiting = iter(batches)
    sent = as_completed(loop=client.loop)
    batch_of: dict[Any, Sequence[Item]] = {}
    suspects: list[Item] = []

    def add(batch: Sequence[Item]) -> None:
        future = send(batch)
        batch_of[future.key] = batch
        sent.add(future)

    def fill(window: int) -> None:
        while len(batch_of) < window and not stop.is_set() and (batch := next(waiting, None)) is not None:
            add(batch)

    with _losing_the_scheduler():
        window = _Window(client)
        fill(window.size())
        for future in sent:
            batch = batch_of.pop(future.key)
            receipt, error = _outcome(future)
            if error is None:
                yield Finished(batch, receipt)
            elif (reason := _fatal(error)) is None:
                raise error
            elif len(batch) == 1 and reason is Reason.WORKER_KILLED:
                suspects.append(batch[0])
            elif len(batch) == 1:
                yield Lost(batch[0], reason)
            else:
                middle = len(batch) // 2
                add(batch[:middle])
                add(batch[middle:])
            future.release()
            fill(window.size())
        for item in suspects:
            if not stop.is_set():
                yield _alone(send([item]), item)


def _alone(future: Future[Any], item: Item) -> Finished[Item, Any] | Lost[Item]:
    """The outcome of an item that runs alone: done if it was only near a crash, lost if it causes it."""
    receipt, error = _outcome(future)
    if error is None:
        return Finished([item], receipt)
    if (reason := _fatal(error)) is None:
        raise error
    return Lost(item, reason)


def _outcome(future: Future[Any]) -> tuple[Any, Exception | None]:
    """What came back, or the error that did; a result that was lost with its worker is waited for again."""
    try:
        return future.result(), None
    except Exception as error:
        return None, error


def _fatal(error: BaseException) -> Reason | None:
    """The reason code for an error that one item of a batch may be to blame for."""
    if isinstance(error, KilledWorker):
        return Reason.WORKER_KILLED
    return Reason.OOM if isinstance(error, MemoryError) else None


class _Window:
    """How many batches may be in flight: some for every worker that is there now. It says how many come and go."""

    def __init__(self, client: Client) -> None:
        self._client, self._asked, self._workers = client, -_LOOK_EVERY_S, -1

    def size(self) -> int:
        now = time.monotonic()
        if now - self._asked >= _LOOK_EVERY_S:
            self._asked = now
            workers = len(self._client.nthreads())
            if workers != self._workers:
                say(_worded(workers))
            self._workers = workers
        return _WINDOW_PER_WORKER * max(1, self._workers)


def _worded(workers: int) -> str:
    if not workers:
        return "no workers: what is left waits for one to join"
    return "1 worker" if workers == 1 else f"{workers} workers"


@contextmanager
def _losing_the_scheduler() -> Iterator[None]:
    try:
        yield
    except (CancelledError, FutureCancelledError, ClosedClientError, CommClosedError) as error:
        raise UserError(
            "the Dask scheduler was lost; what came back before is kept: start one, and run the same command again"
        ) from error
