"""Consistency checks of parts, ledger and published catalogue: what differs, and what to do about it."""

from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalogue.ledger import Ledger
from storage.catalogue.publishing import foreign_log, opened_read_only
from storage.catalogue.snapshot import BY_PATH, LABEL, WHOLE
from storage.errors import UserError
from storage.workspace import Workspace


@dataclass(frozen=True)
class Difference:
    """A difference that was found: what, how many of it, one example, and what to do."""

    what: str
    count: int
    example: str
    advice: str


def verify(workspace: Workspace, ledger: Ledger) -> list[Difference]:
    """Everything that differs between the parts on disk, the ledger and the published catalogue."""
    found = [*_parts(workspace, ledger), *_ledger(ledger), *_catalogue(workspace, ledger)]
    return [difference for difference in found if difference.count]


def _parts(workspace: Workspace, ledger: Ledger) -> list[Difference]:
    known = dict(ledger.rows("SELECT part, outcomes FROM ledger.committed_part WHERE archive IS NULL"))
    merged = {name for (name,) in ledger.rows("SELECT part FROM ledger.committed_part WHERE archive IS NOT NULL")}
    there = {path.relative_to(workspace.parts).as_posix() for path in workspace.parts.glob("*/*.parquet")}
    broken = [name for name in sorted(there & known.keys()) if _rows_in(workspace, name) != known[name]]
    left = sorted(there - known.keys() - merged)
    lost = sorted(known.keys() - there)
    return [
        _difference("parts that are not committed", left, "rolecall verify --repair commits them"),
        _difference("parts that cannot be read or have other rows than were committed", broken, _FROM_BACKUP),
        _difference("parts that were committed and are gone", lost, _FROM_BACKUP),
    ]


def _ledger(ledger: Ledger) -> list[Difference]:
    return [
        Difference(
            f"rows of {table} without a label", int(count), str(example), "rolecall verify --repair removes them"
        )
        for table in _MAPS
        for count, example in ledger.rows(
            f"SELECT count(*), min(label_id) FROM ledger.{table} ANTI JOIN ledger.label USING (label_id)"
        )
    ]


def _catalogue(workspace: Workspace, ledger: Ledger) -> list[Difference]:
    advice = "rolecall verify --repair publishes it again"
    if not workspace.catalogue.exists():
        ((labels,),) = ledger.rows("SELECT count(*) FROM ledger.label")
        return [Difference("labels that were never published", int(labels), "", advice)]
    try:
        with opened_read_only(workspace.catalogue) as published:
            differing = [
                name for name, rows in _CONTENT.items() if _digest(ledger.connection, rows) != _digest(published, rows)
            ]
    except UserError as error:
        return [Difference("a catalogue that cannot be read", 1, str(workspace.catalogue), str(error))]
    log = foreign_log(workspace.catalogue)
    return [
        _difference("tables of the catalogue that differ from the ledger", differing, advice),
        _difference(
            "logs that another program left beside the catalogue",
            [str(log)] if log else [],
            "rolecall verify --repair removes them",
        ),
    ]


def repair_orphans(ledger: Ledger) -> None:
    """Remove rows whose label is gone."""
    with ledger.transaction() as connection:
        for table in _MAPS:
            connection.execute(f"DELETE FROM ledger.{table} WHERE label_id NOT IN (SELECT label_id FROM ledger.label)")


_MAPS: Final = ("segment", "bars", "role_span", "section")
"""Tables whose rows belong to a label by its label_id."""

_CONTENT: Final = {
    **{table: f"FROM reading.{table}" for table in BY_PATH},
    **{table: f"FROM ledger.{table}" for table in WHOLE},
    "label": LABEL,
}
"""What ledger and published catalogue both answer, by the name of the catalogue's table."""

_FROM_BACKUP: Final = "the ledger holds their labels; restore the file from a copy if the ledger is to be made again"


def _difference(what: str, names: list[str], advice: str) -> Difference:
    return Difference(what, len(names), names[0] if names else "", advice)


def _rows_in(workspace: Workspace, name: str) -> int | None:
    try:
        return int(pq.read_metadata(workspace.parts / name).num_rows)
    except (OSError, pa.ArrowException):
        return None


def _digest(connection: duckdb.DuckDBPyConnection, rows: str) -> tuple[object, ...] | None:
    """A sum over all rows; None where there is no such table, or one of another schema."""
    try:
        return connection.execute(
            f"SELECT count(*), bit_xor(hash(t)), sum(hash(t) % 1000003) FROM ({rows}) t"
        ).fetchall()[0]
    except (duckdb.CatalogException, duckdb.BinderException):
        return None
