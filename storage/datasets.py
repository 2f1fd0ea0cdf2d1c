"""Data sets on disk: feature shards in Parquet, and the lock that says what they were made from.

A data set is a folder: `plan.parquet`, `shards/shard-*.parquet`, `ATTRIBUTION.md`, and `dataset.lock`, which is
written last: a folder without it is work in progress, not a smaller data set.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.errors import UserError
from storage.files import atomic_path, sha256_of, write_text_atomically
from storage.vocabulary import ROLES

SCHEMA_VERSION: Final = 1
_ROW_GROUP: Final = 64


@dataclass(frozen=True)
class DatasetLock:
    """What a data set is made of: enough to make it again, and to notice if something is not the same.

    `mixes`, `singles` (loops of one role by themselves) and `cuts` (four bars as composed) count the rows,
    `roles` the mixes that each role is in; `loops` maps loop ids to the SHA-256 of their files; `groups` maps each
    split to the groups it holds; `versions` names the libraries whose change may change bytes; `shards` maps file
    names to digests.
    """

    name: str
    digest: str
    recipe: dict[str, Any]
    recipe_digest: str
    plan_digest: str
    mel: dict[str, Any]
    mel_digest: str
    render_version: int
    versions: dict[str, str]
    mixes: int
    singles: int
    cuts: int
    roles: dict[str, int]
    splits: dict[str, int]
    groups: dict[str, list[str]]
    loops: dict[str, str]
    licences: list[dict[str, Any]]
    shards: dict[str, str]


@dataclass(frozen=True)
class Examples:
    """One split in memory: log-mel (n, frames, mels) as float16, labels (n, roles) as float32, mix ids (n,).

    A label is 1 where the role sounds, 0 where it does not, and -1 where nobody knows.
    """

    mels: NDArray[np.float16]
    labels: NDArray[np.float32]
    mix_ids: list[str]


@dataclass(frozen=True)
class DatasetStore:
    """The folder of data sets in a workspace."""

    root: Path

    def names(self) -> list[str]:
        """The finished data sets, by name."""
        return sorted(lock.parent.name for lock in self.root.glob("*/dataset.lock"))

    def folder(self, name: str) -> Path:
        """Where a data set lies, finished or not."""
        return self.root / name

    def read_lock(self, name: str) -> DatasetLock:
        """The lock of a finished data set; raises UserError naming the ones there are."""
        path = self.folder(name) / "dataset.lock"
        if not path.exists():
            known = ", ".join(self.names()) or "none yet"
            raise UserError(
                f"no finished data set {name!r} in {self.root} (there: {known}); run rolecall dataset build"
            )
        return DatasetLock(**json.loads(path.read_text(encoding="utf-8")))

    def write_lock(self, lock: DatasetLock) -> None:
        """Finish a data set."""
        write_text_atomically(
            self.folder(lock.name) / "dataset.lock", json.dumps(asdict(lock), indent=1, sort_keys=True)
        )

    def shard_path(self, name: str, number: int) -> Path:
        """Where a shard goes."""
        return self.folder(name) / "shards" / f"shard-{number:05d}.parquet"

    def read_split(self, name: str, split: str) -> Examples:
        """All examples of one split, in the order of the plan; raises UserError if a shard is missing."""
        lock = self.read_lock(name)
        frames = int(lock.mel["frames_per_bar"]) * 4
        shape = (frames, int(lock.mel["mels"]))
        mels, labels, mix_ids = [], [], []
        for shard in sorted(lock.shards):
            path = self.folder(name) / "shards" / shard
            if not path.exists():
                raise UserError(f"{path} is missing; build the data set again with --lock to restore it")
            table = pq.read_table(path, filters=[("split", "=", split)])
            mels.append(_mels_of(table, shape))
            labels.append(_labels_of(table))
            mix_ids += table.column("mix_id").to_pylist()
        return Examples(np.concatenate(mels), np.concatenate(labels), mix_ids)


def dataset_digest(plan: str, mel: str, render_version: int, shards: dict[str, str]) -> str:
    """One digest for the whole set: its plan, its transform and the bytes of its shards."""
    text = json.dumps([plan, mel, render_version, sorted(shards.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def write_shard(
    path: Path,
    mix_ids: Sequence[str],
    splits: Sequence[str],
    labels: NDArray[np.int8],
    mels: NDArray[np.float16],
    mel_digest: str,
) -> str:
    """Write one shard, whole or not at all; returns its SHA-256.

    `labels` is (n, roles), `mels` (n, frames, mels). Log-mel noise does not compress, so it is stored plain.
    """
    width = int(np.prod(mels.shape[1:])) * mels.itemsize
    schema = shard_schema(width, mel_digest)
    table = pa.Table.from_arrays(
        [
            pa.array(mix_ids, pa.string()),
            pa.array(splits, pa.string()),
            pa.FixedSizeListArray.from_arrays(pa.array(labels.ravel()), len(ROLES)),
            pa.Array.from_buffers(pa.binary(width), len(mels), [None, pa.py_buffer(np.ascontiguousarray(mels))]),
        ],
        schema=schema,
    )
    with atomic_path(path) as temporary:
        pq.write_table(
            table,
            temporary,
            row_group_size=_ROW_GROUP,
            compression={"mix_id": "zstd", "split": "zstd", "mel": "none"},
            use_dictionary=["split"],
            write_statistics=["mix_id", "split"],
        )
        return sha256_of(temporary)


def shard_schema(width: int, mel_digest: str) -> pa.Schema:
    """The columns of a shard; `mel` is float16 in C order, `width` bytes a row, and `labels` follow `ROLES`."""
    return pa.schema(
        [
            pa.field("mix_id", pa.string(), nullable=False),
            pa.field("split", pa.string(), nullable=False),
            pa.field("labels", pa.list_(pa.int8(), len(ROLES)), nullable=False),
            pa.field("mel", pa.binary(width), nullable=False),
        ],
        metadata={
            "rolecall.table": "features",
            "rolecall.schema_version": str(SCHEMA_VERSION),
            "rolecall.roles": ",".join(ROLES),
            "rolecall.mel_digest": mel_digest,
        },
    )


def _mels_of(table: pa.Table, shape: tuple[int, int]) -> NDArray[np.float16]:
    column = table.column("mel").combine_chunks()
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    rows = [
        np.frombuffer(chunk.buffers()[1], np.float16).reshape(-1, *shape)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in chunks
        if len(chunk)
    ]
    return np.concatenate(rows) if rows else np.empty((0, *shape), np.float16)


def _labels_of(table: pa.Table) -> NDArray[np.float32]:
    rows = table.column("labels").to_pylist()
    return np.array(rows, np.float32).reshape(-1, len(ROLES))
