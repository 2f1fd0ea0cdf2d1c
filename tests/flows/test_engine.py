"""The engine: a bounded window of batches, and a worker's death costs the item that caused it."""

import os
from collections.abc import Iterator, Sequence
from threading import Event

import pytest
from distributed import Client

from flows.engine import Finished, Lost, open_client, stream
from storage.errors import UserError


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(None, 2) as opened:
        yield opened


def doubled(numbers: Sequence[int]) -> list[int]:
    return [2 * number for number in numbers]


def deadly_at_seven(numbers: Sequence[int]) -> list[int]:
    if 7 in numbers:
        os._exit(1)
    return doubled(numbers)


def refusing(numbers: Sequence[int]) -> list[int]:
    raise ValueError(f"cannot do {numbers}")


def finished_items(results: list[Finished[int, list[int]] | Lost[int]]) -> list[int]:
    return sorted(item for result in results if isinstance(result, Finished) for item in result.batch)


def test_every_batch_comes_back_once_with_its_receipt(client: Client) -> None:
    batches = [[number, number + 1] for number in range(0, 40, 2)]
    results = list(stream(client, doubled, batches, Event()))
    assert finished_items(results) == list(range(40))
    assert all(result.receipt == doubled(result.batch) for result in results if isinstance(result, Finished))


@pytest.mark.drill
@pytest.mark.slow
def test_an_item_that_kills_its_worker_is_found_and_its_neighbours_are_done(client: Client) -> None:
    results = list(stream(client, deadly_at_seven, [[1, 2, 3], [4, 5, 6, 7, 8, 9], [10]], Event()))
    assert [result.item for result in results if isinstance(result, Lost)] == [7]
    assert finished_items(results) == [1, 2, 3, 4, 5, 6, 8, 9, 10]


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
