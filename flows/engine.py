"""The engine behind the flows: a Dask client, and batches streamed through a bounded window.

Prefect sees one task run; Dask sees the batches; memory holds one window of them, however many there are.
"""

import logging
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Final, Generic, TypeVar

import dask
from distributed import Client, LocalCluster, as_completed
from distributed.scheduler import KilledWorker

from storage.errors import UserError

Item = TypeVar("Item")
Receipt = TypeVar("Receipt")

_WINDOW_PER_WORKER: Final = 3
_MEMORY_PER_WORKER: Final = "2GiB"


@dataclass(frozen=True)
class Finished(Generic[Item, Receipt]):
    """A batch that came back: what went in, and the receipt its worker gave."""

    batch: Sequence[Item]
    receipt: Receipt


@dataclass(frozen=True)
class Lost(Generic[Item]):
    """One item whose worker died each time it was tried."""

    item: Item


@contextmanager
def open_client(address: str | None, workers: int) -> Iterator[Client]:
    """A client of the cluster at `address`, or of a local one with this many single-threaded processes.

    Raises UserError if nobody answers at `address`.
    """
    # Prefect's logging set-up makes the scheduler talk; what matters comes back as receipts and errors.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}):
        if address is not None:
            with _connect(address) as client:
                yield client
            return
        with (
            tempfile.TemporaryDirectory(prefix="rolecall-dask-") as scratch,
            LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=_MEMORY_PER_WORKER,
                local_directory=scratch,
                silence_logs="ERROR",
                preload=["flows.interrupts"],
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client


def _connect(address: str) -> Client:
    try:
        return Client(address, set_as_default=False, timeout="30s")
    except (OSError, ValueError) as error:
        raise UserError(f"no Dask scheduler answers at {address}: {error}; start one, or leave --dask out") from error


def stream(
    client: Client, work: Callable[[Sequence[Item]], Receipt], batches: Iterable[Sequence[Item]], stop: Event
) -> Iterator[Finished[Item, Receipt] | Lost[Item]]:
    """Send batches to the workers, never more than a window at once, and yield each as it comes back.

    A batch whose worker died is halved and sent again, down to the one item that kills, which is yielded as
    `Lost`. Once `stop` is set nothing new is sent; what is in flight still comes back. Exceptions raised by
    `work` itself are raised here.
    """
    waiting = iter(batches)
    sent = as_completed(loop=client.loop)
    batch_of: dict[Any, Sequence[Item]] = {}

    def send(batch: Sequence[Item]) -> None:
        future = client.submit(work, batch, pure=False)
        batch_of[future.key] = batch
        sent.add(future)

    def send_next() -> None:
        if not stop.is_set() and (batch := next(waiting, None)) is not None:
            send(batch)

    for _ in range(_WINDOW_PER_WORKER * max(1, len(client.scheduler_info()["workers"]))):
        send_next()
    for future in sent:
        batch = batch_of.pop(future.key)
        error = future.exception()
        if error is None:
            yield Finished(batch, future.result())
        elif not isinstance(error, KilledWorker):
            raise error
        elif len(batch) == 1:
            yield Lost(batch[0])
        else:
            middle = len(batch) // 2
            send(batch[:middle])
            send(batch[middle:])
        future.release()
        send_next()
