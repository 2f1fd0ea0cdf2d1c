"""The content of the published catalogue: tables made for reading, written whole, or only where paths changed.

The ledger has a view of the name and columns of each table (`storage/sql/reading.sql`), so that both are written, and
compared, by the same SQL. The public views over them are the same in both.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import duckdb

from storage.catalogue.schema import create_public_views, definition_digest

BY_PATH: Final = ("track", "segment", "bars", "role_span", "section")
"""Tables of the schema `reading`, whose rows belong to a path by its track_id."""

WHOLE: Final = ("model", "model_role", "model_source", "run", "quarantine", "correction", "correction_role")
"""Small tables of the ledger that are copied as they are."""

LABEL: Final = "SELECT label_id, label_key, model_id, audio_hash, run_id, duration_s FROM ledger.label"
"""What the catalogue holds of the ledger's labels beside the maps, for `rolecall plan`."""

_TRACKS_AT_ONCE: Final = 100_000

_WRITERS: Final = (("segment",), ("track", "bars", "role_span", "section"))
"""Which of the tables by path are written one after the other: each row of this is half of the work."""


def write_snapshot(ledger: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Write everything that the ledger holds now into a new database."""
    with _attached(ledger, file):
        _write_small_tables(ledger)
        _write_tables_by_path(ledger)
    with duckdb.connect(str(file)) as published:
        create_public_views(published)


def _write_small_tables(ledger: duckdb.DuckDBPyConnection) -> None:
    """Write the tables that are copied as they are, and those by path without their rows."""
    with _transaction(ledger):
        ledger.execute("CREATE TABLE published.schema_migrations AS FROM schema_migrations")
        ledger.execute("CREATE SCHEMA published.ledger")
        ledger.execute("CREATE SCHEMA published.reading")
        ledger.execute("CREATE TABLE published.reading.definition AS SELECT ? AS digest", [definition_digest()])
        ledger.execute(f"CREATE TABLE published.ledger.label AS {LABEL}")
        for table in WHOLE:
            ledger.execute(f"CREATE TABLE published.ledger.{table} AS FROM ledger.{table}")
        for table in BY_PATH:
            ledger.execute(f"CREATE TABLE published.reading.{table} AS FROM reading.{table} WHERE false")


def _write_tables_by_path(ledger: duckdb.DuckDBPyConnection) -> None:
    """Fill the tables by path, by several writers at once: an INSERT makes use of little more than one processor."""
    with ExitStack() as opened:
        writers = [(opened.enter_context(ledger.cursor()), tables) for tables in _WRITERS]
        threads = opened.enter_context(ThreadPoolExecutor(len(writers)))
        try:
            for written in as_completed([threads.submit(_write_all_paths, *writer) for writer in writers]):
                written.result()
        except BaseException:
            for writer, _ in writers:
                writer.interrupt()
            raise


def _write_all_paths(writer: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
    """Fill some of the tables by path, in ranges of paths.

    So the rows of a path lie together, whenever it was labelled, and little memory is needed.
    """
    with _transaction(writer):
        # Once, because keys are texts: the labels of a range are then found by their numbers.
        writer.execute("CREATE TEMP TABLE shown_label AS SELECT track_id, label_id FROM ledger.shown ORDER BY track_id")
        ((low, high),) = writer.execute("SELECT min(track_id), max(track_id) FROM ledger.file").fetchall()
        for first in range(low, high + 1, _TRACKS_AT_ONCE) if low is not None else ():
            wanted = {"first_wanted": str(first), "last_wanted": str(first + _TRACKS_AT_ONCE - 1)}
            _insert(writer, tables, _LABELS_OF_RANGE, wanted)


def update_snapshot(ledger: duckdb.DuckDBPyConnection, file: Path, changed: list[int]) -> None:
    """Bring a copy of an earlier snapshot up to date, of which these paths differ (`changed_paths`)."""
    with _attached(ledger, file), _transaction(ledger):
        ledger.execute("DELETE FROM published.ledger.label WHERE label_id NOT IN (SELECT label_id FROM ledger.label)")
        ledger.execute(
            f"INSERT INTO published.ledger.label {LABEL} "
            "WHERE label_id NOT IN (SELECT p.label_id FROM published.ledger.label p)"
        )
        for table in WHOLE:
            ledger.execute(f"DELETE FROM published.ledger.{table}")
            ledger.execute(f"INSERT INTO published.ledger.{table} FROM ledger.{table}")
        if changed:
            for table in BY_PATH:
                ledger.execute(f"DELETE FROM published.reading.{table} WHERE track_id IN (SELECT unnest(?))", [changed])
            _insert(ledger, BY_PATH, "FROM ledger.wanted_labels", {"wanted": str(changed)})


def changed_paths(ledger: duckdb.DuckDBPyConnection, catalogue: Path) -> list[int] | None:
    """The track ids whose rows in a published catalogue are not what the ledger holds now.

    None for a catalogue that was written by other definitions of tables and views. Raises duckdb.Error for one that
    cannot be read.
    """
    ledger.execute(f"ATTACH '{_quoted(catalogue)}' AS published (READ_ONLY)")
    try:
        if ledger.execute("FROM published.reading.definition").fetchall() != [(definition_digest(),)]:
            return None
        return [int(track_id) for (track_id,) in ledger.execute(_CHANGED).fetchall()]
    finally:
        ledger.execute("DETACH published")


@contextmanager
def _attached(ledger: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """A database as `published` for the length of a `with` block, complete in its file at the end."""
    ledger.execute(f"ATTACH '{_quoted(file)}' AS published")
    try:
        yield
        ledger.execute("CHECKPOINT published")
    finally:
        ledger.execute("DETACH published")


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction for the length of a `with` block: committed at its end, rolled back on an error."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _insert(ledger: duckdb.DuckDBPyConnection, tables: Sequence[str], labels: str, wanted: Mapping[str, str]) -> None:
    """Insert the rows of some paths, named by the variables of `ledger.wanted` in reading.sql.

    `labels` is a query for their labels, with the columns of `ledger.wanted_labels`.
    """
    for variable, value in wanted.items():
        ledger.execute(f"SET VARIABLE {variable} = {value}")
    try:
        ledger.execute(f"CREATE TEMP TABLE wanted_labels AS {labels}")
        for table in tables:
            ledger.execute(f"INSERT INTO published.reading.{table} FROM reading.{table}")
        ledger.execute("DROP TABLE temp.wanted_labels")
    finally:
        for variable in wanted:
            ledger.execute(f"RESET VARIABLE {variable}")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


_LABELS_OF_RANGE: Final = """
SELECT f.track_id, f.path, l.* FROM temp.shown_label s
JOIN ledger.file f ON f.track_id = s.track_id JOIN ledger.label l ON l.label_id = s.label_id
WHERE s.track_id BETWEEN getvariable('first_wanted')::BIGINT AND getvariable('last_wanted')::BIGINT
"""

_CHANGED: Final = """
SELECT coalesce(f.track_id, t.track_id)
FROM ledger.fingerprints f FULL JOIN published.reading.track t ON t.track_id = f.track_id
WHERE f.fingerprint IS DISTINCT FROM t.fingerprint
"""
