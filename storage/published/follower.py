"""The published catalogue for a program that asks often: kept open, and opened anew once a run has replaced it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any, Final

import duckdb

from storage.published.queries import Answer, open_catalogue
from storage.workspace import Workspace

_MEMORY: Final = "768MB"


class CatalogueFollower:
    """Answers fixed questions over the catalogue as it was published last, one at a time.

    DuckDB spreads each over all cores. Of one file it keeps one database a process, so the old one is closed first.
    """

    def __init__(self, workspace: Workspace) -> None:
        """Nothing is opened before the first question; until a run has published, the catalogue is empty."""
        self._workspace = workspace
        self._lock = Lock()
        self._open = ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._version: tuple[int, int] | None = None

    @property
    def version(self) -> tuple[int, int] | None:
        """What changes whenever another catalogue is published; None before the first."""
        try:
            status = self._workspace.catalogue.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_mtime_ns

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The catalogue for the length of a `with` block, in which nobody else asks; raises UserError."""
        with self._lock:
            yield self._current()

    def ask(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        """Answer one SELECT whose values are named parameters; raises UserError if the catalogue cannot be opened."""
        with self.connection() as connection:
            cursor = connection.execute(sql, parameters)
            return Answer([column[0] for column in cursor.description or ()], cursor.fetchall())

    def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        """The same, as one dict a row."""
        return self.ask(sql, parameters or None).to_dicts()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._open.close()
            self._connection = None

    def _current(self) -> duckdb.DuckDBPyConnection:
        version = self.version
        if self._connection is None or version != self._version:
            self._open.close()
            self._connection = None
            self._connection = self._open.enter_context(open_catalogue(self._workspace))
            self._connection.execute(f"SET memory_limit = '{_MEMORY}'")
            self._version = version
        return self._connection
