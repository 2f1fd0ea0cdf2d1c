"""HTTP requests: errors that are permanent or transient, and retries with growing waits."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlsplit

import requests

from tasks.http.pacing import stated_wait

Answer = TypeVar("Answer")

TIMEOUT_S: Final = (10.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes of an answer."""


class RequestError(Exception):
    """A request that failed; asking again would end the same."""


class GoneError(RequestError):
    """There is nothing at that address, or not any more."""


class TransientError(RequestError):
    """A request that may succeed later; `wait_s` is how long the server asks to wait, None if it does not say."""

    def __init__(self, message: str, wait_s: float | None = None) -> None:
        """Store the wait beside the message."""
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(frozen=True)
class RetryPolicy:
    """How often to retry, and how long to wait in between: longer each time, with jitter."""

    attempts: int = 6
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0
    sleep: Callable[[float], object] = time.sleep
    luck: Callable[[], float] = random.random

    def wait_s(self, attempt: int, error: TransientError) -> float:
        """Seconds to wait after the failure number `attempt`, from 0."""
        backoff = min(self.longest_wait_s, self.first_wait_s * 2.0**attempt)
        return backoff * (0.5 + 0.5 * self.luck()) if error.wait_s is None else error.wait_s


def retrying(ask: Callable[[], Answer], retries: RetryPolicy) -> Answer:
    """The answer of `ask`, which is called again after each TransientError; raises the last one."""
    for attempt in range(retries.attempts - 1):
        try:
            return ask()
        except TransientError as error:
            retries.sleep(retries.wait_s(attempt, error))
    return ask()


def check(answer: requests.Response) -> None:
    """Raise what the status of an answer means, if it is not success."""
    status = answer.status_code
    where = shown(answer.url)
    if status in (404, 410):
        raise GoneError(f"{where}: there is nothing any more ({status})")
    if status == 429 or status >= 500:
        raise TransientError(f"{where}: answered {status}", stated_wait(answer.headers, time.time()))
    if status >= 400 and status != 416:
        raise RequestError(f"{where}: answered {status}")


@contextmanager
def get(
    session: requests.Session,
    url: str,
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    checked: Callable[[requests.Response], None] = check,
) -> Iterator[requests.Response]:
    """The answer to a GET, its body still to be read inside the `with` block.

    `checked` raises what a status means. Raises GoneError (404, 410), TransientError (no connection, 5xx, 429, a body
    that was cut or stalled) or RequestError.
    No message holds more of the address than host and path, since a query may hold a secret.
    """
    with (
        _faults(url),
        session.get(url, headers=_sent(headers), params=params, stream=True, timeout=TIMEOUT_S) as answer,
    ):
        checked(answer)
        yield answer


@contextmanager
def post(
    session: requests.Session, url: str, form: Mapping[str, str], checked: Callable[[requests.Response], None] = check
) -> Iterator[requests.Response]:
    """The answer to a POST of a form; raises as `get` does. A redirect is not followed: the form may hold a secret."""
    with (
        _faults(url),
        session.post(url, headers=_sent(), data=form, stream=True, timeout=TIMEOUT_S, allow_redirects=False) as answer,
    ):
        checked(answer)
        yield answer


@contextmanager
def _faults(url: str) -> Iterator[None]:
    """Turn what the library raises into errors that say no more of an address than they may."""
    try:
        yield
    except requests.JSONDecodeError:
        raise TransientError(f"{shown(url)}: the answer is no JSON") from None
    except requests.RequestException as error:
        if isinstance(error, ValueError):
            raise RequestError(f"{shown(url)} is no address") from None
        raise TransientError(f"{shown(url)}: {type(error).__name__}") from None


def _sent(headers: Mapping[str, str] | None = None) -> dict[str, str]:
    return {"Accept-Encoding": "identity", **(headers or {})}


def shown(url: str) -> str:
    """An address without its query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}"
