"""Annotations of a source's sounds by people, `annotations.parquet`: one row per sound."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from storage.errors import UserError
from storage.files import atomic_path

SCHEMA_VERSION: Final = 1

SCHEMA: Final = pa.schema(
    [
        pa.field("sound_id", pa.int64(), nullable=False),
        pa.field("left_out", pa.string()),
        pa.field("roles", pa.list_(pa.string()), nullable=False),
        pa.field("unknown_roles", pa.list_(pa.string()), nullable=False),
        pa.field("bpm", pa.float64()),
        pa.field("key", pa.string()),
        pa.field("mode", pa.string()),
        pa.field("annotators", pa.int32(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("answers", pa.string(), nullable=False),
    ],
    metadata={"rolecall.table": "annotations", "rolecall.schema_version": str(SCHEMA_VERSION)},
)


def write_annotations(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Replace the table at `path`; `left_out` says why a sound is no loop, `answers` is JSON, one entry a person."""
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), temporary, compression="zstd")


def left_out(path: Path) -> list[dict[str, Any]]:
    """The sounds that are no loops, by id: `sound_id`, `left_out` (the reason) and `annotators`.

    Raises UserError if there is no table yet.
    """
    if not path.exists():
        raise UserError(f"there is no {path} yet; run rolecall fetch fsld --annotations-only")
    rows = pq.read_table(path, columns=["sound_id", "left_out", "annotators"]).to_pylist()
    return [row for row in rows if row["left_out"] is not None]
