"""Observing the processes of a label run from outside: CPU time and memory as each part appears."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UserError
from storage.paths import path_of


@dataclass(frozen=True)
class MarginalCost:
    """What the files after a run's first part took: processor seconds of the worker and of all else, peak memory.

    `start_up_cpu_s` is what a run takes beside its files.
    """

    files: int
    worker_cpu_s: float
    flow_cpu_s: float
    start_up_cpu_s: float
    worker_megabytes: float
    flow_megabytes: float


@dataclass(frozen=True)
class _Seen:
    """A part when it appeared, and the processor seconds used until then."""

    outcomes: pa.Table
    worker_cpu_s: float
    flow_cpu_s: float


class ProcessObserver:
    """A process and its children, looked at again and again, beside the folder where their parts appear."""

    def __init__(self, process_id: int, parts: Path) -> None:
        """Observe a run that has just been started."""
        self._process_id, self._parts = process_id, parts
        self._cpu_s: dict[tuple[bool, int], float] = {}
        self._megabytes: dict[tuple[bool, int], float] = {}
        self._seen: dict[Path, _Seen] = {}

    def look(self) -> None:
        """Record CPU time, memory and new parts since the last call."""
        new = [part for part in sorted(self._parts.glob("*/*.parquet")) if part not in self._seen]
        for process in _tree(self._process_id):
            with suppress(psutil.Error):  # it may have ended by now
                key = (_is_worker(process), process.pid)
                times, memory = process.cpu_times(), process.memory_info().rss / 1e6
                self._cpu_s[key] = times.user + times.system
                self._megabytes[key] = max(memory, self._megabytes.get(key, 0.0))
        for part in new:
            with suppress(FileNotFoundError):  # merged into an archive by now
                self._seen[part] = _Seen(pq.read_table(part, partitioning=None), self._used(True), self._used(False))

    def marginal(self) -> tuple[MarginalCost, list[Path]]:
        """What each file cost after the first part, and which files these were.

        The first part has all that is done once, so that the rest is the slope. Raises UserError if there is none.
        """
        first, *more = self._in_order()
        files = [path_of(path) for seen in more for path in seen.outcomes["path"].to_pylist()]
        worker_cpu_s = more[-1].worker_cpu_s - first.worker_cpu_s if more else 0.0
        flow_cpu_s = more[-1].flow_cpu_s - first.flow_cpu_s if more else 0.0
        if worker_cpu_s <= 0:
            raise UserError("these files took no time that could be told from start-up; name more of them, or longer")
        of_first = (worker_cpu_s + flow_cpu_s) / len(files) * len(first.outcomes)
        workers = [megabytes for (worker, _), megabytes in self._megabytes.items() if worker]
        flow = self._megabytes.get((False, self._process_id), 0.0)
        start_up = max(0.0, first.worker_cpu_s + first.flow_cpu_s - of_first)
        return MarginalCost(len(files), worker_cpu_s, flow_cpu_s, start_up, max(workers, default=0.0), flow), files

    def outcomes(self) -> pa.Table:
        """The rows of all parts."""
        return pa.concat_tables([seen.outcomes for seen in self._in_order()])

    def _in_order(self) -> list[_Seen]:
        """Parts in the order in which they appeared; an archive that repeats them is left out."""
        known: set[str] = set()
        fresh = []
        for seen in self._seen.values():
            paths = set(seen.outcomes["path"].to_pylist())
            if known.isdisjoint(paths):
                fresh.append(seen)
            known |= paths
        if not fresh:
            raise UserError("nothing was labelled; name files that can be read")
        return fresh

    def _used(self, worker: bool) -> float:
        return sum(seconds for (kind, _), seconds in self._cpu_s.items() if kind is worker)


def _tree(process_id: int) -> list[psutil.Process]:
    with suppress(psutil.Error):  # it may have ended by now
        process = psutil.Process(process_id)
        return [process, *process.children(recursive=True)]
    return []


def _is_worker(process: psutil.Process) -> bool:
    """Whether a process is one that Dask's nanny spawned."""
    return any("multiprocessing.spawn" in word for word in process.cmdline())
