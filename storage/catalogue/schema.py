"""The catalogue's schema: numbered migrations as SQL files, applied in order, each in one transaction."""

import hashlib
from importlib import resources
from typing import Final

import duckdb

from storage.errors import UserError


def _read(name: str) -> str:
    return (resources.files("storage") / "sql" / name).read_text(encoding="utf-8")


_MIGRATIONS: Final = (
    "001_tables.sql",
    "002_small_rows.sql",
    "003_bars.sql",
    "004_archive.sql",
    "005_keys.sql",
    "006_role_spans.sql",
    "007_file_names.sql",
    "008_remote.sql",
    "009_publication.sql",
    "010_half_time.sql",
    "011_section_borders.sql",
    "012_sounding.sql",
    "013_drifting_tempo.sql",
    "014_packed_bars.sql",
)
_VIEWS: Final = ("views.sql", "questions.sql", "columns.sql")
SCHEMA_VERSION: Final = len(_MIGRATIONS)


def migrate(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    """Bring a database to this version's schema and views; raises UserError if it is of a newer one.

    `where` names the database in that error.
    """
    version = schema_version(connection)
    refuse_newer(version, where)
    connection.execute("BEGIN")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations "
            "(version INTEGER PRIMARY KEY, name VARCHAR, applied_at TIMESTAMPTZ)"
        )
        for number, name in enumerate(_MIGRATIONS[version:], start=version + 1):
            connection.execute(_read(name))
            connection.execute("INSERT INTO schema_migrations VALUES (?, ?, now())", [number, name])
        _create_views(connection, "reading.sql")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def create_public_views(published: duckdb.DuckDBPyConnection) -> None:
    """Give a database that holds the tables of the schema `reading` the public views over them."""
    published.execute("BEGIN")
    _create_views(published, "published.sql")
    published.execute("COMMIT")


def _create_views(connection: duckdb.DuckDBPyConnection, below: str) -> None:
    for name in ("macros.sql", below, *_VIEWS):
        connection.execute(_read(name))


def definition_digest() -> str:
    """What tells apart catalogues that were written by other definitions of their tables and views."""
    texts = (_read(name) for name in ("macros.sql", "reading.sql", "published.sql", *_VIEWS))
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The schema version of a database; 0 for an empty one."""
    tables = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    if ("schema_migrations",) not in connection.execute(tables).fetchall():
        return 0
    return max(int(version) for (version,) in connection.execute("SELECT version FROM schema_migrations").fetchall())


def refuse_newer(version: int, where: str) -> None:
    """Raise UserError if a database was written by a newer rolecall."""
    if version > SCHEMA_VERSION:
        raise UserError(f"{where} has schema version {version}, this rolecall knows {SCHEMA_VERSION}; upgrade rolecall")
