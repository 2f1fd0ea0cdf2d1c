"""Request quotas: at most so many a minute and a day, counted in a file that all processes share."""

import fcntl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.files import write_bytes_atomically

MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0
_STAMP: Final = struct.Struct("<d")


class DayQuotaError(Exception):
    """The day's requests are used up; `until` is when the next may be sent, in seconds since the epoch."""

    def __init__(self, until: float) -> None:
        """Store `until` beside the message."""
        super().__init__(
            f"the day's requests are used up until {time.strftime('%Y-%m-%d %H:%M', time.gmtime(until))} UTC"
        )
        self.until = until


@dataclass(frozen=True)
class Quota:
    """At most so many requests in any 60 seconds and in any 24 hours, over all processes that share `path`.

    A request counts from the moment it is granted, sent or not, so that a killed process never makes one more.
    """

    path: Path
    per_minute: int
    per_day: int
    clock: Callable[[], float] = time.time

    def ask(self) -> float:
        """Grant one request and return 0, or return how many seconds to wait before asking again.

        Raises DayQuotaError if the wait is for the day's limit.
        """
        with self._locked():
            now = self.clock()
            stamps = [stamp for stamp in self._read() if stamp > now - DAY_S]
            if len(stamps) >= self.per_day:
                raise DayQuotaError(stamps[-self.per_day] + DAY_S)
            recent = [stamp for stamp in stamps if stamp > now - MINUTE_S]
            if len(recent) >= self.per_minute:
                return recent[-self.per_minute] + MINUTE_S - now
            self._add(now, stamps)
            return 0.0

    def take(self, sleep: Callable[[float], object]) -> None:
        """Wait until a request is granted; raises DayQuotaError if that is not today."""
        while (wait_s := self.ask()) > 0:
            sleep(wait_s)

    def _read(self) -> list[float]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return []
        whole = len(content) - len(content) % _STAMP.size
        return sorted(stamp for (stamp,) in _STAMP.iter_unpack(content[:whole]))

    def _add(self, now: float, stamps: list[float]) -> None:
        """Append one more time stamp; the file is rewritten when most of it is older than a day, or was torn."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size % _STAMP.size or size > 2 * _STAMP.size * self.per_day:
            write_bytes_atomically(self.path, b"".join(_STAMP.pack(stamp) for stamp in stamps))
        with self.path.open("ab") as file:
            file.write(_STAMP.pack(now))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_name(f"{self.path.name}.lock").open("w")
        except OSError as error:
            raise UserError(
                f"cannot count requests in {self.path.parent}: {error.strerror}; make it writable"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
