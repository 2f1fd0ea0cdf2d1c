"""A workspace directory: the paths inside it, and the lock that lets one process write at a time."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from storage.errors import UserError, WorkspaceLockedError


def default_workspace() -> Path:
    """The workspace of who names none: the platform's user data directory for rolecall.

    Raises UserError where the system knows no home of this user.
    """
    try:
        return Path(platformdirs.user_data_dir("rolecall", appauthor=False))
    except RuntimeError as error:
        raise UserError("this user has no home directory; name one with --workspace or ROLECALL_WORKSPACE") from error


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace; folders are made when something is written to them."""

    root: Path

    @property
    def catalogue(self) -> Path:
        """The published snapshot, the only file that readers open."""
        return self.root / "catalogue.duckdb"

    @property
    def ledger(self) -> Path:
        """The private database that the one writing process holds."""
        return self.root / "ledger" / "private.duckdb"

    @property
    def corrections(self) -> Path:
        """Corrections by people, as a CSV that `correct --from` reads."""
        return self.root / "corrections.csv"

    @property
    def waiting_corrections(self) -> Path:
        """Corrections that were made while somebody else wrote the workspace, one JSON line each."""
        return self.root / "corrections-waiting.jsonl"

    @property
    def entered_corrections(self) -> Path:
        """Those of them that are in the ledger, until the catalogue is published with them."""
        return self.root / "corrections-entered.jsonl"

    @property
    def parts(self) -> Path:
        """Label parts as the workers wrote them, one folder a run."""
        return self.root / "parts"

    @property
    def reading(self) -> Path:
        """Notes on which files the workers are reading now; the note of a dead process names the file it died on."""
        return self.root / "reading"

    @property
    def temporary(self) -> Path:
        """What questions and publications need beyond their memory; DuckDB removes it when they end."""
        return self.root / "temporary"

    @property
    def loops(self) -> Path:
        """The table of loops."""
        return self.root / "loops.parquet"

    @property
    def sources(self) -> Path:
        """Downloads: archives, metadata and audio, one folder a source."""
        return self.root / "sources"

    @property
    def datasets(self) -> Path:
        """One folder a data set."""
        return self.root / "datasets"

    @property
    def models(self) -> Path:
        """One folder a model."""
        return self.root / "models"

    @property
    def pictures(self) -> Path:
        """Pictures that the demo and the reports draw."""
        return self.root / "pictures"

    @property
    def prefect(self) -> Path:
        """Prefect's own database and settings, so that nothing is left in the home directory."""
        return self.root / "prefect"

    @contextmanager
    def lock(self, purpose: str) -> Iterator["Workspace"]:
        """Hold the workspace for writing; the kernel frees it when the process ends, however it ends.

        Raises `WorkspaceLockedError` naming the holder if another process has it, and `UserError` if the
        directory cannot be written.
        """
        descriptor = self._open_lock()
        try:
            self._flock(descriptor, fcntl.LOCK_EX)
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "purpose": purpose, "since": _now()}
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(holder).encode(), 0)
            yield self
            os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def require_free(self) -> None:
        """Raise at once what `lock` would raise now; used before slow things are started."""
        descriptor = self._open_lock()
        try:
            self._flock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    @property
    def _lock_file(self) -> Path:
        return self.root / ".lock"

    def _open_lock(self) -> int:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            return os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise UserError(f"cannot write the workspace {self.root}: {error.strerror}; name another") from error

    def _flock(self, descriptor: int, kind: int) -> None:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WorkspaceLockedError(self._describe_holder()) from None

    def _describe_holder(self) -> str:
        try:
            holder = json.loads(self._lock_file.read_text())
            who = f"'{holder['purpose']}' (process {holder['pid']} on {holder['host']}) since {holder['since']}"
        except (OSError, ValueError, KeyError):
            who = "another process"
        return f"the workspace {self.root} is being written by {who}; wait for it to end, or use another --workspace"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
