"""The archive of committed label parts, one Parquet file a run: a lost ledger is rebuilt from it without decoding."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalogue.label_parts import SCHEMA
from storage.catalogue.ledger import Ledger
from storage.files import atomic_path
from storage.workspace import Workspace

ARCHIVE: Final = "archive"
"""The folder among the parts that holds the archives."""

_PARTS_KEY: Final = b"rolecall.parts"


def archive_parts(workspace: Workspace, ledger: Ledger) -> None:
    """Merge the committed parts of every run into one archive a run, and remove them.

    The archive is written first, then entered in the ledger, then the parts are removed: a kill in between leaves a
    part too many and never one too few.
    """
    for run_id, parts in _committed(workspace, ledger).items():
        target = _target(workspace, ledger, run_id)
        names = [part.relative_to(workspace.parts).as_posix() for part in parts]
        outcomes = _merge(parts, names, target)
        with ledger.transaction() as connection:
            connection.execute(
                "INSERT INTO ledger.committed_part (part, run_id, outcomes, committed_at) VALUES (?, ?, ?, now())",
                [target.relative_to(workspace.parts).as_posix(), ARCHIVE, outcomes],
            )
            connection.execute(
                "UPDATE ledger.committed_part SET archive = ? WHERE part IN (SELECT unnest(?))", [target.name, names]
            )
    for (name,) in ledger.rows("SELECT part FROM ledger.committed_part WHERE archive IS NOT NULL"):
        (workspace.parts / name).unlink(missing_ok=True)
    for folder in workspace.parts.glob("*/"):
        if folder.name != ARCHIVE and not any(folder.iterdir()):
            folder.rmdir()


def merged_parts(archive: Path) -> list[str]:
    """The names of the parts that an archive was merged from."""
    metadata = pq.read_schema(archive).metadata or {}
    return bytes(metadata.get(_PARTS_KEY, b"")).decode().splitlines()


def _committed(workspace: Workspace, ledger: Ledger) -> dict[str, list[Path]]:
    rows = ledger.rows("SELECT part FROM ledger.committed_part WHERE archive IS NULL AND run_id <> ?", [ARCHIVE])
    by_run: defaultdict[str, list[Path]] = defaultdict(list)
    for (name,) in sorted(rows):
        if (workspace.parts / name).exists():
            by_run[Path(name).parent.name].append(workspace.parts / name)
    return by_run


def _target(workspace: Workspace, ledger: Ledger, run_id: str) -> Path:
    """Numbered, so that archives are read again in the order in which they were made, the later ones winning."""
    ((number,),) = ledger.rows("SELECT count(*) FROM ledger.committed_part WHERE run_id = ?", [ARCHIVE])
    return workspace.parts / ARCHIVE / f"{number:06d}-{run_id}.parquet"


def _merge(parts: Sequence[Path], names: Sequence[str], target: Path) -> int:
    schema = SCHEMA.with_metadata({**SCHEMA.metadata, _PARTS_KEY: "\n".join(names).encode()})
    outcomes = 0
    with atomic_path(target) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        held: list[pa.Table] = []
        for part in parts:
            held.append(pq.read_table(part))
            if sum(table.num_rows for table in held) >= _ROWS_A_GROUP:
                outcomes += _write(writer, held)
                held = []
        outcomes += _write(writer, held)
    return outcomes


def _write(writer: pq.ParquetWriter, tables: Sequence[pa.Table]) -> int:
    # Promoted, because parts of an older version lack columns.
    merged = pa.concat_tables([SCHEMA.empty_table(), *tables], promote_options="permissive").cast(writer.schema)
    writer.write_table(merged)
    return int(merged.num_rows)


_ROWS_A_GROUP: Final = 4096
