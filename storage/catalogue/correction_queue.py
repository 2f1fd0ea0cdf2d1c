"""Corrections that wait until nobody else writes the workspace: a file of changes, one line each.

What is entered goes on waiting in a second file until it is published, so that whoever looks sees every change in one
of three places: `waiting`, `entered` or the catalogue.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from storage.catalogue.corrections import Change, Corrections
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.files import write_text_atomically
from storage.workspace import Workspace


class CorrectionQueue:
    """The changes that wait in a workspace. Anybody may add one; the holder of the workspace's lock enters them."""

    def __init__(self, workspace: Workspace) -> None:
        """Nothing is written before a change is added."""
        self._workspace = workspace

    def add(self, change: Change) -> None:
        """Let a change wait; it is on the disk on return. Raises UserError if it cannot be written."""
        line = json.dumps(asdict(change)) + "\n"
        try:
            self._workspace.root.mkdir(parents=True, exist_ok=True)
            with self._held(os.O_RDWR | os.O_CREAT | os.O_APPEND) as descriptor:
                _append(descriptor, line.encode())
        except OSError as error:
            raise UserError(f"cannot write {self._workspace.waiting_corrections}: {error.strerror}") from error

    def waiting(self) -> list[Change]:
        """The changes that wait to be entered, oldest first."""
        return _changes(_text(self._workspace.waiting_corrections))

    def unpublished(self) -> list[Change]:
        """The changes that are not in the catalogue yet, oldest first.

        One that is published meanwhile may still be among them, so ask the catalogue afterwards, not before.
        """
        waiting = self.waiting()
        return _changes(_text(self._workspace.entered_corrections)) + waiting

    def enter(self, ledger: Ledger) -> int:
        """Enter all that waits into the ledger of the workspace, whose lock is held; returns how many there were.

        They are published when the ledger is. A crash between the ledger and the queue enters them a second time, which
        changes nothing.
        """
        if not self._workspace.waiting_corrections.exists():
            return 0
        entered = self._workspace.entered_corrections
        with self._held(os.O_RDWR) as descriptor:
            waiting = _text(self._workspace.waiting_corrections)
            changes = _changes(waiting)
            if changes:
                corrections = Corrections(ledger)
                corrections.change(changes)
                corrections.export(self._workspace)
                write_text_atomically(entered, _text(entered) + waiting)
            os.ftruncate(descriptor, 0)
        return len(changes)

    @contextmanager
    def _held(self, flags: int) -> Iterator[int]:
        """The file, open and held against everybody who adds or enters."""
        descriptor = os.open(self._workspace.waiting_corrections, flags, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _append(descriptor: int, line: bytes) -> None:
    """Add a whole line, or nothing where the disk is full."""
    end = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _changes(text: str) -> list[Change]:
    # What has no end yet is being written.
    return [Change(**json.loads(line)) for line in text.split("\n")[:-1]]
