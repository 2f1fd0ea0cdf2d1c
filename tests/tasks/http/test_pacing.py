import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from tasks.http.client import RetryPolicy, TransientError
from tasks.http.pacing import PacedAdapter, stated_wait
from tasks.sources.zenodo import read_record
from tests.doubles.zenodo import RECORD, Zenodo, zenodo

NOW = 1e9


class Clock:
    def __init__(self) -> None:
        self.now, self.waits = NOW, list[float]()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


def paced(clock: Clock) -> requests.Session:
    session = requests.Session()
    session.mount("http://", PacedAdapter(4, clock, clock.sleep))
    return session


def ask(double: Zenodo, clock: Clock, session: requests.Session) -> int:
    return len(read_record(double.url, RECORD, session, RetryPolicy(attempts=3, sleep=clock.sleep)))


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None), ({"Retry-After": "17"}, 17.0), ({"Retry-After": "soon"}, None), ({"Retry-After": "999999"}, 3660.0),
        ({"Retry-After": format_datetime(datetime.fromtimestamp(NOW, UTC) + timedelta(seconds=30))}, 30.0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1000000042"}, 42.0),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "1000000042"}, None),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "999999999"}, 0.0),
        ({"X-RateLimit-Remaining": "0"}, None), ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "later"}, None),
    ],
)  # fmt: skip
def test_an_answer_says_how_long_to_wait(headers: dict[str, str], wait_s: float | None) -> None:
    assert stated_wait(headers, NOW) == wait_s


def test_a_server_that_says_that_no_request_is_left_is_not_asked_before_the_time_it_names() -> None:
    clock = Clock()
    with zenodo({"a.zip": b"x"}) as double:
        double.clock, double.per_minute = clock, 5
        session = paced(clock)
        assert [ask(double, clock, session) for _ in range(17)] == [1] * 17
        assert (double.refused, clock.waits) == (0, [60.0] * 3)


@pytest.mark.parametrize("polite", [True, False])
def test_a_request_too_many_is_asked_again_when_the_server_said(polite: bool) -> None:
    clock = Clock()
    clock.now = time.time()
    with zenodo({"a.zip": b"x"}) as double:
        double.clock, double.per_minute, double.polite = clock, 2, polite
        # Another process of the same address used up the minute.
        assert double.count()[0]
        assert double.count()[0]
        assert ask(double, clock, requests.Session()) == 1
        assert (double.refused, len(clock.waits)) == (1, 1)
        assert 58 < clock.waits[0] < 62


def test_threads_share_the_pace() -> None:
    clock = Clock()
    with zenodo({"a.zip": b"x"}) as double, ThreadPoolExecutor(4) as threads:
        double.clock, double.per_minute = clock, 4
        session = paced(clock)
        for _ in range(3):
            assert list(threads.map(lambda _: ask(double, clock, session), range(4))) == [1] * 4
        assert clock.now >= NOW + 2 * 60


def test_a_server_that_never_grants_anything_is_given_up() -> None:
    clock = Clock()
    with zenodo({"a.zip": b"x"}) as double:
        double.clock, double.per_minute = clock, 0
        with pytest.raises(TransientError, match="answered 429"):
            ask(double, clock, requests.Session())
