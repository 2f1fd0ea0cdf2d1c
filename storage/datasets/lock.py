"""Finished data sets: the lock that says what a data set was made from, and reading its rows.

A data set is a folder: `plan.parquet`, `shards/shard-*.parquet`, `ATTRIBUTION.md`, and `dataset.lock`, which is
written last: a folder without it is work in progress, not a smaller data set.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.datasets.shards import RowGroup, labels_of, mels_of, row_groups, shares_of
from storage.errors import UserError
from storage.files import remove_leftovers, write_text_atomically
from storage.loops.table import Loop
from storage.vocabulary import BARS_PER_SEGMENT

_KEPT_OF_A_LOOP: Final = tuple(field.name for field in fields(Loop) if field.name not in ("path", "extra"))


@dataclass(frozen=True)
class DatasetLock:
    """What a data set is made of: enough to make it again, and to notice if something is not the same.

    `mixes`, `singles` (loops of one role by themselves), `cuts` (four bars as composed) and `oneshots` count the rows,
    `roles` the mixes that each role is in, and `balance` says how even they are; `loops` is all that is known of each
    loop but its path, with the SHA-256 of its file; `groups` maps each split to the groups it holds;
    `environment` names the libraries and the machine's instructions, whose change may change bytes; `shards` maps
    file names to digests.
    """

    name: str
    digest: str
    recipe: dict[str, Any]
    recipe_digest: str
    plan_digest: str
    mel: dict[str, Any]
    mel_digest: str
    render_version: int
    environment: dict[str, str]
    mixes: int
    singles: int
    cuts: int
    roles: dict[str, int]
    splits: dict[str, int]
    groups: dict[str, list[str]]
    balance: dict[str, Any]
    loops: list[dict[str, Any]]
    licences: list[dict[str, Any]]
    shards: dict[str, str]
    oneshots: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and mels of a row."""
        return int(self.mel["frames_per_bar"]) * BARS_PER_SEGMENT, int(self.mel["mels"])

    def located(self, local: Iterable[Loop]) -> tuple[list[Loop], list[dict[str, Any]]]:
        """The loops of the lock, at the paths of `local` ones with the same bytes; and those that are missing."""
        paths = {(loop.loop_id, loop.sha256): (loop.path, loop.extra) for loop in local}
        there: list[Loop] = []
        missing: list[dict[str, Any]] = []
        for known in self.loops:
            found = paths.get((known["loop_id"], known["sha256"]))
            if found is None:
                missing.append(known)
            else:
                tuples = {name: tuple(known[name]) for name in ("roles", "unknown_roles", "flags")}
                there.append(Loop(**{**known, **tuples, "path": found[0], "extra": found[1]}))
        return there, missing


def loop_facts(loop: Loop) -> dict[str, Any]:
    """What a lock stores of a loop: everything but its path, and what no plan depends on."""
    return {name: getattr(loop, name) for name in _KEPT_OF_A_LOOP}


def read_lock_file(path: Path) -> DatasetLock:
    """A lock from any file; raises UserError if it cannot be read or is none."""
    try:
        return DatasetLock(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the lock {path}: {error.strerror}; name another dataset.lock") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is no dataset.lock of this version: {error}; build the data set again") from error


@dataclass(frozen=True)
class Examples:
    """One split in memory: log-mel (n, frames, mels) as float16, labels (n, roles) as float32, mix ids (n,).

    A label is 1 where the role sounds, 0 where it does not, and -1 where nobody knows. `soft_labels` (n, roles) are a
    teacher's probabilities, where the data set has them. `shares` (n, beats, bands, roles) say which part of the
    power in every beat and group of bands each role has, -1 where nobody knows; None without them. `units` (n,) name
    the author, pack or composition that a loop or cut is of, where that was looked up.
    """

    mels: NDArray[np.float16]
    labels: NDArray[np.float32]
    mix_ids: list[str]
    soft_labels: NDArray[np.float32] | None = None
    shares: NDArray[np.float16] | None = None
    units: list[str] | None = None

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Some rows, by their places (k,)."""
        return Examples(
            self.mels[rows],
            self.labels[rows],
            [self.mix_ids[row] for row in rows.tolist()],
            None if self.soft_labels is None else self.soft_labels[rows],
            None if self.shares is None else self.shares[rows],
            None if self.units is None else [self.units[row] for row in rows.tolist()],
        )


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


def dataset_digest(plan: str, mel: str, render_version: int, shards: dict[str, str]) -> str:
    """One digest for the whole set: its plan, its mel configuration and the bytes of its shards."""
    text = json.dumps([plan, mel, render_version, sorted(shards.items())])
    return hashlib.sha256(text.encode()).hexdigest()
