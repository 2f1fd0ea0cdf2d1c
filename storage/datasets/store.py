"""The data sets of a workspace, and reading their rows.

A data set is a folder: `plan.parquet`, `shards/shard-*.parquet`, `ATTRIBUTION.md`, and `dataset.lock`, which is
written last: a folder without it is work in progress, not a smaller data set.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from storage.datasets.examples import Examples
from storage.datasets.lock import DatasetLock, read_lock_file
from storage.datasets.shards import RowGroup, labels_of, mels_of, row_groups, shares_of
from storage.errors import UserError
from storage.files import remove_leftovers, write_text_atomically


@dataclass(frozen=True)
class DatasetStore:
    """The folder of data sets in a workspace."""

    root: Path

    def names(self) -> list[str]:
        """The finished data sets, by name."""
        return sorted(lock.parent.name for lock in self.root.glob("*/dataset.lock"))

    def folder(self, name: str) -> Path:
        """The folder of a data set, finished or not."""
        return self.root / name

    def read_lock(self, name: str) -> DatasetLock:
        """The lock of a finished data set; raises UserError naming the ones there are."""
        path = self.folder(name) / "dataset.lock"
        if not path.exists():
            known = ", ".join(self.names()) or "none yet"
            raise UserError(
                f"no finished data set {name!r} in {self.root} (there: {known}); run rolecall dataset build"
            )
        return read_lock_file(path)

    def reopen(self, name: str) -> None:
        """Make a data set work in progress again: its shards are about to change."""
        (self.folder(name) / "dataset.lock").unlink(missing_ok=True)

    def write_lock(self, lock: DatasetLock) -> None:
        """Write the lock, which finishes a data set."""
        write_text_atomically(
            self.folder(lock.name) / "dataset.lock", json.dumps(asdict(lock), indent=1, sort_keys=True)
        )

    def shard_path(self, name: str, number: int) -> Path:
        """The path of a shard."""
        return self.folder(name) / "shards" / f"shard-{number:05d}.parquet"

    def remove_all_but(self, name: str, shards: Collection[str]) -> None:
        """Remove shards of other plans, and temporary files of killed workers."""
        folder = self.folder(name) / "shards"
        remove_leftovers(folder)
        for path in folder.glob("shard-*.parquet"):
            if path.name not in shards:
                path.unlink()

    def row_groups(self, name: str, split: str) -> list[RowGroup]:
        """The row groups that hold a split, in the order of the plan; raises UserError if a shard is missing."""
        return [group for path in self._shard_paths(self.read_lock(name)) for group in row_groups(path, split)]

    def read_split(self, name: str, split: str) -> Examples:
        """All examples of one split, in the order of the plan; raises UserError if a shard is missing."""
        lock = self.read_lock(name)
        mels, labels, mix_ids, shares = [], [], [], []
        for path in self._shard_paths(lock):
            table = pq.read_table(path, filters=[("split", "=", split)])
            mels.append(mels_of(table, lock.shape))
            labels.append(labels_of(table))
            mix_ids += table.column("mix_id").to_pylist()
            if len(table):
                shares.append(shares_of(table))
        known = [one for one in shares if one is not None]
        whole = np.concatenate(known) if known and len(known) == len(shares) else None
        return Examples(np.concatenate(mels), np.concatenate(labels), mix_ids, shares=whole)

    def _shard_paths(self, lock: DatasetLock) -> Iterator[Path]:
        for shard in sorted(lock.shards):
            path = self.folder(lock.name) / "shards" / shard
            if not path.exists():
                raise UserError(f"{path} is missing; build the data set again with --lock to restore it")
            yield path
