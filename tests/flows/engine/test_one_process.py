"""One process beside the flow does a few items: it dies alone, it hears no Ctrl-C, and it ends with the flow."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from threading import Event

import numpy as np
import psutil
import pytest

from flows.engine.one_process import stream_through_one
from flows.engine.outcomes import Finished, Lost
from storage.vocabulary import Reason

Results = list[Finished[int, int] | Lost[int]]


def process_of(numbers: Sequence[int]) -> int:
    """The process that does the items: it dies at seven, and needs more memory than there is at eight."""
    if 7 in numbers:
        os._exit(1)
    if 8 in numbers:
        np.ones(1 << 36, np.uint8)
    if 9 in numbers:
        os.kill(os.getpid(), signal.SIGINT)
    return os.getpid()


def environment(_: Sequence[int]) -> tuple[int, dict[str, str]]:
    import torch

    return torch.get_num_threads(), dict(os.environ)


def refusing(numbers: Sequence[int]) -> int:
    raise ValueError(f"cannot do {numbers}")


def processes(results: Results) -> list[int]:
    return [result.receipt for result in results if isinstance(result, Finished)]


def test_every_item_is_a_batch_of_its_own_in_one_process_which_is_not_this() -> None:
    results: Results = list(stream_through_one(process_of, [1, 2, 9, 3], Event()))
    assert [result.batch for result in results if isinstance(result, Finished)] == [[1], [2], [9], [3]]
    assert len({*processes(results), os.getpid()}) == 2


@pytest.mark.slow
def test_an_item_that_kills_its_process_is_lost_and_its_neighbours_are_done_in_another() -> None:
    results: Results = list(stream_through_one(process_of, [1, 7, 2], Event()))
    assert results[1] == Lost(7, Reason.WORKER_KILLED)
    assert len(set(processes(results))) == 2


def test_an_item_that_needs_too_much_memory_costs_itself_and_not_its_process() -> None:
    results: Results = list(stream_through_one(process_of, [1, 8, 2], Event()))
    assert results[1] == Lost(8, Reason.OOM)
    assert len(set(processes(results))) == 1


def test_every_library_is_held_to_one_thread_there_and_here_nothing_is_changed() -> None:
    before = dict(os.environ)
    (result,) = stream_through_one(environment, [1], Event())
    assert dict(os.environ) == before
    assert isinstance(result, Finished)
    threads, found = result.receipt
    assert threads == 1
    assert {found[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
    assert int(found["MALLOC_TRIM_THRESHOLD_"]) > 1 << 20


def test_after_a_stop_nothing_more_is_begun() -> None:
    stop, source = Event(), iter(range(1000))

    def until_two() -> Iterator[int]:
        for number in source:
            yield number
            if number == 1:
                stop.set()

    results: Results = list(stream_through_one(process_of, until_two(), stop))
    assert len(results) == 2


def test_an_error_in_the_work_is_raised_and_the_process_ends() -> None:
    with pytest.raises(ValueError, match="cannot do"):
        list(stream_through_one(refusing, [1], Event()))
    assert not [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


def test_it_ends_when_the_flow_is_killed() -> None:
    flow = (
        "from threading import Event\n"
        "from flows.engine.one_process import stream_through_one\n"
        "from tests.flows.engine.test_one_process import process_of\n"
        "results = stream_through_one(process_of, iter(int, 1), Event())\n"
        "print(next(results).receipt, flush=True)\n"
        "import time; time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", flow], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        worker = psutil.Process(int(run.stdout.readline()))
        run.kill()
    psutil.wait_procs([worker], timeout=60)
    deadline = time.monotonic() + 60
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.1)
