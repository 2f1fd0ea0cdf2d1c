"""Reading the published catalogue, `catalogue.duckdb`: SQL in, rows out. Only the ledger replaces it, whole."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from storage.catalogue.database_limits import limit_memory
from storage.catalogue.publishing import CatalogueHeldError, opened_read_only, require_replaceable
from storage.catalogue.schema import migrate, refuse_newer, schema_version
from storage.errors import UserError
from storage.workspace import Workspace


@dataclass(frozen=True)
class Answer:
    """The result of a query: names of columns, and rows."""

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def to_dicts(self) -> list[dict[str, Any]]:
        """One dict per row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@contextmanager
def open_catalogue(workspace: Workspace, memory_limit: str | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published snapshot, read only; an empty catalogue in memory if nothing was published yet.

    It uses half of the memory that this process may have, or `memory_limit` (such as `4GB`), and the workspace's
    temporary folder beyond that. One from before there were tables made for reading is brought up to date in a copy,
    until the next run publishes. Raises UserError if it was written by a newer rolecall, or cannot be opened:
    CatalogueHeldError where another program has it open for writing.
    """
    if not workspace.catalogue.exists():
        with duckdb.connect() as empty:
            migrate(empty, "memory")
            yield empty
        return
    with opened_read_only(workspace.catalogue) as connection:
        refuse_newer(schema_version(connection), str(workspace.catalogue))
        if _is_snapshot(connection):
            limit_memory(connection, workspace, memory_limit)
            yield connection
            return
    with tempfile.TemporaryDirectory(prefix="rolecall-") as scratch:
        copy = shutil.copyfile(workspace.catalogue, Path(scratch) / "catalogue.duckdb")
        with duckdb.connect(str(copy)) as migrated:
            migrate(migrated, str(workspace.catalogue))
            limit_memory(migrated, workspace, memory_limit)
            yield migrated


def _is_snapshot(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a catalogue holds tables made for reading; earlier ones are copies of a ledger."""
    tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'reading'"
    return ("track",) in connection.execute(tables).fetchall()


def require_known_schema(workspace: Workspace) -> None:
    """Raise UserError if the catalogue was written by a newer rolecall, or is no catalogue.

    One that another program has open for writing is not looked at: a run reads the ledger and replaces the catalogue.
    """
    require_replaceable(workspace.catalogue)
    with suppress(CatalogueHeldError), open_catalogue(workspace):
        pass


def ask(workspace: Workspace, sql: str, memory_limit: str | None = None) -> Answer:
    """Answer one SQL query over the published snapshot; raises UserError if it fails or would write anything."""
    with open_catalogue(workspace, memory_limit) as connection:
        return answer_of(connection, sql)


def answer_of(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Answer one SQL query over an open catalogue; raises UserError as `ask` does."""
    statement = prepare_select(connection, sql)
    try:
        cursor = connection.execute(statement)
        return Answer([column[0] for column in cursor.description or ()], cursor.fetchall())
    except duckdb.Error as error:
        raise UserError(f"the SQL failed: {error}") from error


def prepare_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one SELECT that a text holds; raises UserError if it cannot be read, or is anything else."""
    try:
        statements = connection.extract_statements(sql)
    except duckdb.Error as error:
        raise UserError(f"the SQL cannot be read: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise UserError(
            "rolecall sql answers one SELECT at a time and writes nothing; change labels with rolecall itself"
        )
    return statements[0]
