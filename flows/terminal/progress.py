"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from flows.terminal.streams import say

_LINE_EVERY_S: Final = 5.0


class Progress(Protocol):
    """Something that hears how much work is done."""

    def advance(self, count: int) -> None:
        """So many more are done."""


class TalliedProgress(Protocol):
    """Something that shows how much work is done, how fast, and what failed."""

    def advance(self, count: int, failed: int = 0, audio_s: float = 0.0) -> None:
        """So many more are done, so many of them failed, and they are so many seconds of audio."""


@dataclass
class Tally:
    """What is done of `total`, how much of it failed, and how many seconds of audio it is."""

    total: int
    done: int = 0
    failed: int = 0
    audio_s: float = 0.0

    def add(self, count: int, failed: int, audio_s: float) -> None:
        """So many more are done."""
        self.done, self.failed, self.audio_s = self.done + count, self.failed + failed, self.audio_s + audio_s

    def speed(self, seconds: float) -> str:
        """How fast that was, what is left, and what is in quarantine, after so many seconds.

        >>> Tally(100, done=40, failed=2, audio_s=9600.0).speed(20.0)
        '2.0/s, 480 × real time, 0:30 left, 2 in quarantine'
        """
        rate = self.done / max(seconds, 1e-9)
        words = [f"{rate:.1f}/s"]
        if self.audio_s:
            words.append(f"{self.audio_s / max(seconds, 1e-9):.0f} × real time")
        if 0 < self.done < self.total:
            words.append(f"{_clock((self.total - self.done) / rate)} left")
        if self.failed:
            words.append(f"{self.failed} in quarantine")
        return ", ".join(words)


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._tally = what, Tally(total)
        self._began = self._said = time.monotonic()

    def advance(self, count: int, failed: int = 0, audio_s: float = 0.0) -> None:
        self._tally.add(count, failed, audio_s)
        now = time.monotonic()
        if now - self._said >= _LINE_EVERY_S or self._tally.done >= self._tally.total:
            self._said = now
            say(f"{self._what}: {self._tally.done} of {self._tally.total}, {self._tally.speed(now - self._began)}")


@contextmanager
def progress(what: str, total: int) -> Iterator[TalliedProgress]:
    """Show how far `what` has come out of `total`; says nothing where there is nothing to do."""
    if total == 0 or not sys.stderr.isatty():
        yield _Lines(what, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task, tally, began = bar.add_task(what, total=total, speed=""), Tally(total), time.monotonic()

        class _Bar:
            def advance(self, count: int, failed: int = 0, audio_s: float = 0.0) -> None:
                tally.add(count, failed, audio_s)
                bar.update(task, advance=count, speed=tally.speed(time.monotonic() - began))

        yield _Bar()


def _clock(seconds: float) -> str:
    """Hours only where there are any: `0:30`, `2:05:00`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
