"""Time limit per file and lifetime of a worker process: quarantines files that hang or kill their worker.

A decoder that hangs in C reacts to no signal and no exception, so the whole process is ended. A note beside the parts
says which file it was reading; the next process to try that file reads the note.
"""

import faulthandler
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from storage.paths import path_of
from storage.vocabulary import Reason
from tasks.audio.errors import AudioError

if TYPE_CHECKING:
    from tasks.labelling.request import LabelRequest

TIME_LIMIT_S: Final = 120.0
_BYTES_PER_S: Final = 1 << 20
_ATTEMPTS: Final = 2
"""Attempts that may die of no known cause: the first death may have been the machine's, the second was the file's."""

_FILES_PER_PROCESS: Final = 10_000
_BEGUN: Final = "begun\n"
_TIMED_OUT: Final = "Timeout ("
"""What `faulthandler` writes first when the time is up."""


@dataclass(frozen=True)
class Watchdog:
    """Limits the time to read each file; `notes` is a folder that all workers see.

    A file may take `limit_s` seconds, and one more for each megabyte it has.
    """

    notes: Path
    limit_s: float = TIME_LIMIT_S

    @contextmanager
    def __call__(self, request: "LabelRequest") -> Iterator[None]:
        """Watch one file while it is read.

        Raises `AudioError` timeout or worker_killed if earlier attempts at it ended so; ends the process if this one
        takes too long.
        """
        note = self.notes / request.label_key
        self._refuse_repeated(note)
        self.notes.mkdir(parents=True, exist_ok=True)
        with note.open("a") as file:
            file.write(_BEGUN)
            file.flush()
            faulthandler.dump_traceback_later(self._limit_of(request), exit=True, file=file)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                note.unlink(missing_ok=True)

    def _refuse_repeated(self, note: Path) -> None:
        try:
            story = note.read_text(errors="replace")
        except FileNotFoundError:
            return
        if _TIMED_OUT in story:
            raise AudioError(Reason.TIMEOUT, f"was not read within {self.limit_s:g} s and one for each megabyte")
        if story.count(_BEGUN) >= _ATTEMPTS:
            raise AudioError(Reason.WORKER_KILLED, f"the process that read it died {_ATTEMPTS} times")

    def _limit_of(self, request: "LabelRequest") -> float:
        try:
            size = path_of(request.path).stat().st_size
        except OSError:
            size = 0
        return self.limit_s + size / _BYTES_PER_S


class WorkerLifetime:
    """Counts the files of a worker process, and ends it when it has done enough of them; another is started.

    Whatever a decoder leaks in a million files is then never more than it leaks in a few thousand.
    """

    def __init__(self, files: int = _FILES_PER_PROCESS) -> None:
        """A process may do so many files."""
        self._files, self._begun = files, 0

    def begin(self, files: int) -> bool:
        """Before a batch of so many: end the process if it has done enough. What it did lies in its parts.

        Says whether another batch may begin before this one is done, which is not so if this is the last.
        """
        if self._begun >= self._files:
            os._exit(0)
        self._begun += files
        return self._begun < self._files
