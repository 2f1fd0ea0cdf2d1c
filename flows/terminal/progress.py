"""Progress on stderr: a bar on a terminal, a line every few seconds elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from flows.terminal.streams import say as say

_LINE_EVERY_S: Final = 5.0


class Progress(Protocol):
    """Something that shows how much work is done."""

    def advance(self, count: int) -> None:
        """So many more are done."""


class _Lines:
    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._began = self._said = time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if now - self._said >= _LINE_EVERY_S or self._done >= self._total:
            self._said = now
            rate = self._done / max(now - self._began, 1e-9)
            say(f"{self._what}: {self._done} of {self._total}, {rate:.1f}/s")


@contextmanager
def progress(what: str, total: int) -> Iterator[Progress]:
    """Show how far `what` has come out of `total`; says nothing where there is nothing to do."""
    if total == 0 or not sys.stderr.isatty():
        yield _Lines(what, total)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with RichProgress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=total)

        class _Bar:
            def advance(self, count: int) -> None:
                bar.update(task, advance=count)

        yield _Bar()
