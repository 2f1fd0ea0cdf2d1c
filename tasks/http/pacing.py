"""Rate limits that a server states in its headers: requests wait until it allows more."""

import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from threading import Lock
from typing import Any

import requests
from requests.adapters import HTTPAdapter

_LONGEST_S = 3660.0
"""Nobody waits longer than a little over an hour, the longest of Zenodo's windows, whatever a header says."""


def stated_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that an answer asks to wait; None if it does not say.

    `Retry-After` holds seconds or a date (RFC 9110, 10.2.3); `X-RateLimit-Reset` is when requests may be sent again,
    in seconds since the epoch, and counts if `X-RateLimit-Remaining` says that none are left.
    """
    said = headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return min(float(said), _LONGEST_S)
    if said:
        try:
            return min(max(0.0, parsedate_to_datetime(said).timestamp() - now), _LONGEST_S)
        except ValueError:
            pass
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if headers.get("X-RateLimit-Remaining", "").strip() == "0" and reset.isdecimal():
        return min(max(0.0, float(reset) - now), _LONGEST_S)
    return None


class PacedAdapter(HTTPAdapter):
    """Sends requests of all threads; once an answer says that none are left, none before the time that it names."""

    def __init__(self, connections: int, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        """Pool so many connections; wait by `sleep`."""
        super().__init__(pool_maxsize=connections)
        self._clock, self._sleep = clock, sleep
        self._free_at, self._guard = 0.0, Lock()

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Wait if the limit is reached, send, and read the limit from the answer."""
        with self._guard:
            wait_s = self._free_at - self._clock()
        if wait_s > 0:
            self._sleep(wait_s)
        answer = super().send(request, *args, **kwargs)
        stated = stated_wait(answer.headers, self._clock())
        if stated is not None:
            with self._guard:
                self._free_at = max(self._free_at, self._clock() + stated)
        return answer


def paced_session(connections: int, sleep: Callable[[float], object]) -> requests.Session:
    """A session that stays within the rate limit of the server."""
    session = requests.Session()
    adapter = PacedAdapter(connections, time.time, sleep)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session
