"""What a worker elsewhere is given once, before its first batch; only workers that have it get work."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from distributed import Client
from distributed.diagnostics.plugin import WorkerPlugin

from storage.errors import UserError

_PLENTY: Final = 1e9
"""A mark is a resource of Dask's: so much of it that it never holds a batch back."""

SetUp = Callable[[Path, str], None]
"""Makes a worker process ready, given a folder on its machine and its name; raises UserError to refuse it."""


class WorkerSetup(WorkerPlugin):
    """Sent by the scheduler to every worker that is there or joins later, and again to one that starts anew."""

    idempotent = True

    def __init__(self, mark: str, set_up: SetUp) -> None:
        """`mark` names what `set_up` brings: a worker that has it already is not sent it again."""
        self.name, self._mark, self._set_up = mark, mark, set_up

    async def setup(self, worker: Any) -> None:
        """Called by Dask on the worker; one that is refused stays without the mark, and its log says why."""
        who = f"the worker {worker.name} at {worker.address}"
        if worker.state.nthreads > 1:
            raise UserError(f"{who} runs several threads, which cannot be stopped apart: --nthreads 1")
        # What is read by URL lies where Dask cleans up behind a worker that was killed.
        tempfile.tempdir = str(worker.local_directory)
        self._set_up(Path(worker.local_directory).parent / "rolecall", who)
        await worker.set_resources(**{self._mark: _PLENTY})


def set_up_workers(client: Client, mark: str, set_up: SetUp) -> None:
    """Give all workers, now and later, what they need; raises UserError naming one that is there and was refused."""
    try:
        client.register_plugin(WorkerSetup(mark, set_up))
    except ImportError as error:
        raise UserError(f"a worker lacks what this flow has: {error}; install the same package there") from error
    workers = client.scheduler_info()["workers"]
    if refused := [address for address, worker in workers.items() if mark not in worker["resources"]]:
        raise UserError(f"the worker at {refused[0]} was refused before, and its log says why; stop it, or mend it")
