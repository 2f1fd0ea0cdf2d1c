"""The engine: a bounded window of batches, and a worker's death costs the item that caused it."""

import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from distributed import Client, Nanny, Scheduler, SpecCluster, get_worker

from flows.engine.cluster import has_gpus, let_next_begin, open_client, stream, stream_through_gpus
from flows.engine.outcomes import Finished, Lost
from storage.errors import UserError
from storage.vocabulary import Reason
from tasks.labelling import watchdog


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(None, 2) as opened:
        yield opened


def doubled(numbers: Sequence[int]) -> list[int]:
    return [2 * number for number in numbers]


def dies_at_seven(numbers: Sequence[int]) -> list[int]:
    if 7 in numbers:
        os._exit(1)
    return doubled(numbers)


def hungry_at_seven(numbers: Sequence[int]) -> list[int]:
    if 7 in numbers:
        np.ones(1 << 36, np.uint8)
    return [os.getpid()]


def process_and_threads(_: Sequence[int]) -> tuple[int, int, dict[str, str]]:
    import torch

    from tasks.networks.inference import use_one_thread

    use_one_thread()
    return os.getpid(), torch.get_num_threads(), dict(os.environ)


def tiring(numbers: Sequence[int]) -> list[int]:
    """Work in a process that may do three items."""
    lifetime = getattr(watchdog, "_tired", None) or watchdog.WorkerLifetime(3)
    watchdog._tired = lifetime  # type: ignore[attr-defined]
    lifetime.begin(len(numbers))
    return [os.getpid()]


def refusing(numbers: Sequence[int]) -> list[int]:
    raise ValueError(f"cannot do {numbers}")


def finished_items(results: Sequence[Finished[int, Any] | Lost[int]]) -> list[int]:
    return sorted(item for result in results if isinstance(result, Finished) for item in result.batch)


def test_every_batch_comes_back_once_with_its_receipt(client: Client) -> None:
    batches = [[number, number + 1] for number in range(0, 40, 2)]
    results = list(stream(client, doubled, batches, Event()))
    assert finished_items(results) == list(range(40))
    assert all(result.receipt == doubled(result.batch) for result in results if isinstance(result, Finished))


@pytest.mark.drill
@pytest.mark.slow
def test_an_item_that_kills_its_worker_is_found_and_its_neighbours_are_done(client: Client) -> None:
    results = list(stream(client, dies_at_seven, [[1, 2, 3], [6, 7], [10]], Event()))
    assert [result.item for result in results if isinstance(result, Lost)] == [7]
    assert finished_items(results) == [1, 2, 3, 6, 10]


def test_an_item_that_needs_too_much_memory_costs_itself_and_not_its_process(client: Client) -> None:
    results = list(stream(client, hungry_at_seven, [[1, 2], [7, 8], [9]], Event()))
    assert [(result.item, result.reason) for result in results if isinstance(result, Lost)] == [(7, Reason.OOM)]
    assert finished_items(results) == [1, 2, 8, 9]
    processes = {result.receipt[0] for result in results if isinstance(result, Finished)}
    assert processes <= set(client.run(os.getpid).values())


def test_every_library_is_held_to_one_thread(client: Client) -> None:
    (result,) = stream(client, process_and_threads, [[1]], Event())
    assert isinstance(result, Finished)
    _, threads, environment = result.receipt
    assert threads == 1
    assert {environment[name] for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")} == {"1"}
    assert int(environment["MALLOC_TRIM_THRESHOLD_"]) > 1 << 20


def letting_the_next_begin(numbers: Sequence[int], folder: Path, needed: int) -> bool:
    """Work that ends when so many batches have begun, or with False after a minute."""
    (folder / str(numbers[0])).touch()
    let_next_begin()
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < needed:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_a_batch_may_let_the_next_one_begin_before_it_is_done(client: Client, tmp_path: Path) -> None:
    work = partial(letting_the_next_begin, folder=tmp_path, needed=4)
    results = list(stream(client, work, [[number] for number in range(8)], Event()))
    assert finished_items(results) == list(range(8))
    assert all(result.receipt for result in results if isinstance(result, Finished))


@pytest.mark.drill
@pytest.mark.slow
def test_a_process_is_replaced_when_it_has_done_enough_and_nothing_is_lost() -> None:
    with open_client(None, 1) as one:
        results = list(stream(one, tiring, [[number] for number in range(7)], Event()))
    assert finished_items(results) == list(range(7))
    assert len({result.receipt[0] for result in results if isinstance(result, Finished)}) >= 2


def test_no_more_than_a_window_is_taken_from_the_source(client: Client) -> None:
    taken = 0

    def source() -> Iterator[list[int]]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield [number]

    results = stream(client, doubled, source(), Event())
    next(results)
    assert taken <= 10
    results.close()


def test_after_a_stop_nothing_new_is_sent_and_what_is_in_flight_comes_back(client: Client) -> None:
    stop, source = Event(), iter([[number] for number in range(1000)])
    results = []
    for result in stream(client, doubled, source, stop):
        stop.set()
        results.append(result)
    assert 1 <= len(results) <= 10
    assert len(results) + len(list(source)) == 1000


def test_an_address_at_which_nobody_answers_is_named() -> None:
    with pytest.raises(UserError, match=r"no Dask scheduler answers at nowhere"), open_client("nowhere://127.0.0.1", 1):
        pass


def test_an_error_in_the_work_is_raised_and_not_swallowed(client: Client) -> None:
    with pytest.raises(ValueError, match="cannot do"):
        list(stream(client, refusing, [[1]], Event()))


def where(numbers: Sequence[int]) -> tuple[Sequence[int], str]:
    return numbers, str(get_worker().name)


def where_too(prepared: tuple[Sequence[int], str]) -> tuple[str, str]:
    return prepared[1], str(get_worker().name)


@pytest.mark.slow
def test_only_a_worker_that_declares_a_gpu_answers_and_the_others_prepare(tmp_path: Path) -> None:
    kinds = {"gpu": {"resources": {"GPU": 1}}, "decoder": {}}
    settings = {"nthreads": 1, "dashboard": False, "local_directory": str(tmp_path)}
    workers = {name: {"cls": Nanny, "options": {**settings, **kind}} for name, kind in kinds.items()}
    scheduler = {"cls": Scheduler, "options": {"dashboard": False, "port": 0, "host": "127.0.0.1"}}
    with SpecCluster(workers, scheduler) as cluster, open_client(cluster.scheduler_address, 1) as client:
        assert has_gpus(client)
        (single,) = stream_through_gpus(client, where, where_too, [[0]], Event())
        results = list(stream_through_gpus(client, where, where_too, [[number] for number in range(6)], Event()))
    assert single == Finished([0], ("decoder", "gpu"))  # with more than one waiting, an idle GPU worker may help
    assert finished_items(results) == list(range(6))  # type: ignore[arg-type]
    assert {result.receipt[1] for result in results if isinstance(result, Finished)} == {"gpu"}


def test_without_a_gpu_there_is_none(client: Client) -> None:
    assert not has_gpus(client)
