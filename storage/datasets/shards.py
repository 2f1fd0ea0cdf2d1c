"""Feature shards, `shard-*.parquet`: a row a mix, its labels and its log-mel; written whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.files import atomic_path, sha256_of
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES

SCHEMA_VERSION: Final = 2
ROW_GROUP: Final = 64
"""Rows that are read together: two megabytes."""

_INGREDIENTS: Final = b"rolecall.ingredients"


def write_shard(
    path: Path,
    mix_ids: Sequence[str],
    splits: Sequence[str],
    labels: NDArray[np.int8],
    mels: NDArray[np.float16],
    mel_digest: str,
    ingredients: str = "",
    shares: NDArray[np.float16] | None = None,
) -> str:
    """Write one shard, whole or not at all; returns its SHA-256.

    `labels` is (n, roles), `mels` (n, frames, mels). Log-mel noise does not compress, so it is stored plain. `shares`
    (n, beats, bands, roles) say how much of every cell's power each role has, -1 where nobody knows; without them they
    are null.
    `ingredients` is a digest of all that decides the bytes: with the same one a shard is not rendered again.
    """
    width = int(np.prod(mels.shape[1:])) * mels.itemsize
    cells = [None] * len(mels) if shares is None else [row.tobytes() for row in shares]
    table = pa.Table.from_arrays(
        [
            pa.array(mix_ids, pa.string()),
            pa.array(splits, pa.string()),
            pa.FixedSizeListArray.from_arrays(pa.array(labels.ravel()), len(ROLES)),
            pa.Array.from_buffers(pa.binary(width), len(mels), [None, pa.py_buffer(np.ascontiguousarray(mels))]),
            pa.array(cells, pa.binary()),
        ],
        schema=shard_schema(width, mel_digest, ingredients),
    )
    with atomic_path(path) as temporary:
        pq.write_table(
            table,
            temporary,
            row_group_size=ROW_GROUP,
            compression={"mix_id": "zstd", "split": "zstd", "mel": "none", "shares": "zstd"},
            use_dictionary=["split"],
            write_statistics=["mix_id", "split"],
            write_page_checksum=True,
        )
        return sha256_of(temporary)


def shard_schema(width: int, mel_digest: str, ingredients: str = "") -> pa.Schema:
    """A shard: `mel` (`width` bytes a row) and `shares` are float16, in C order; labels follow `ROLES`."""
    return pa.schema(
        [
            pa.field("mix_id", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("labels", pa.list_(pa.int8(), len(ROLES)), nullable=False),
            pa.field("mel", pa.binary(width), nullable=False),
            pa.field("shares", pa.binary()),
        ],
        metadata={
            "rolecall.table": "features",
            "rolecall.schema_version": str(SCHEMA_VERSION),
            "rolecall.roles": ",".join(ROLES),
            "rolecall.mel_digest": mel_digest,
            _INGREDIENTS.decode(): ingredients,
        },
    )


def digest_if_made_of(path: Path, ingredients: str) -> str | None:
    """The SHA-256 of a shard that is there, whole, and was made of just these ingredients; else None."""
    try:
        metadata = pq.read_schema(path).metadata or {}
        if metadata.get(_INGREDIENTS, b"").decode() != ingredients:
            return None
        pq.read_table(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        return None
    return sha256_of(path)


def mels_of(table: pa.Table | pa.RecordBatch, shape: tuple[int, int]) -> NDArray[np.float16]:
    """The log-mels (n, *shape) of some rows of a shard; a view of Arrow's memory where they lie in one piece."""
    column = table.column("mel")
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    rows = [
        np.frombuffer(chunk.buffers()[1], np.float16).reshape(-1, *shape)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in chunks
        if len(chunk)
    ]
    if len(rows) == 1:
        return rows[0]
    return np.concatenate(rows) if rows else np.empty((0, *shape), np.float16)


def labels_of(table: pa.Table | pa.RecordBatch) -> NDArray[np.float32]:
    """The labels (n, roles) of some rows of a shard: 1, 0, or -1 for unknown."""
    column = table.column("labels")
    flat = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).flatten()
    flat = flat.combine_chunks() if isinstance(flat, pa.ChunkedArray) else flat
    labels: NDArray[np.float32] = flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, len(ROLES))
    return labels


def shares_of(table: pa.Table) -> NDArray[np.float16] | None:
    """Each role's share of every cell (n, beats, bands, roles) of some rows of a shard; None where they have none."""
    if not len(table) or "shares" not in table.column_names or table.column("shares").null_count:
        return None
    cells = np.frombuffer(b"".join(table.column("shares").to_pylist()), np.float16)
    return cells.reshape(len(table), BARS_PER_SEGMENT * BEATS_PER_BAR, -1, len(ROLES))


@dataclass(frozen=True)
class RowGroup:
    """The rows of one split inside one row group of a shard: `rows` of them, by place (n,) where not all are."""

    path: Path
    number: int
    rows: int
    places: NDArray[np.int64] | None


def row_groups(path: Path, split: str) -> list[RowGroup]:
    """The row groups of a shard that hold rows of a split."""
    found = []
    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            splits = file.read_row_group(number, columns=["split"]).column("split")
            places = np.flatnonzero(pc.equal(splits, split).to_numpy(zero_copy_only=False))
            if len(places):
                found.append(RowGroup(path, number, len(places), None if len(places) == len(splits) else places))
    return found


def read_row_group(group: RowGroup, shape: tuple[int, int]) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """Log-mels (n, *shape) and labels (n, roles) of a row group's rows, with no loop over them."""
    with pq.ParquetFile(group.path, memory_map=True) as file:
        table = file.read_row_group(group.number, columns=["labels", "mel"])
    mels, labels = mels_of(table, shape), labels_of(table)
    return (mels, labels) if group.places is None else (mels[group.places], labels[group.places])
