"""Loading features for training: streamed from shards in an order drawn from a seed, or whole on one device."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from storage.datasets.shards import RowGroup, read_row_group
from storage.datasets.store import DatasetStore

Rows = tuple[NDArray[np.float16], NDArray[np.float32]]


@dataclass(frozen=True)
class Position:
    """How far a stream has come: what to keep in a checkpoint to go on from there."""

    epoch: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Batch:
    """Log-mels (rows, frames, mels) as float16, labels (rows, roles) as float32, and the position after them."""

    mels: Tensor
    labels: Tensor
    position: Position


@dataclass(frozen=True)
class SplitStream:
    """One split of a data set, batch by batch, without end; memory holds three pools, however large the set is.

    Every epoch takes the row groups in a new order drawn from the seed, `groups_at_once` of them at a time, whose rows
    are shuffled together; every row comes exactly once an epoch. The next pool is read while this one is used.
    """

    groups: Sequence[RowGroup]
    shape: tuple[int, int]
    batch_rows: int
    seed: int
    groups_at_once: int = 32

    @classmethod
    def of(cls, store: DatasetStore, name: str, split: str, batch_rows: int, seed: int) -> "SplitStream":
        """The stream of a finished data set; raises UserError if there is none, or a shard is missing."""
        return cls(store.row_groups(name, split), store.read_lock(name).shape, batch_rows, seed)

    @property
    def rows(self) -> int:
        """Rows of the split."""
        return sum(group.rows for group in self.groups)

    def batches(self, start: Position = Position()) -> Iterator[Batch]:
        """Batches from a position on; the last of an epoch may be smaller. Ends at once if the split is empty."""
        while self.rows:
            yield from self._epoch(start)
            start = Position(start.epoch + 1)

    def _epoch(self, start: Position) -> Iterator[Batch]:
        left: Rows | None = None
        done = start.rows
        for mels, labels in self._pools(start):
            if left is not None:
                mels, labels = np.concatenate([left[0], mels]), np.concatenate([left[1], labels])
            whole = len(mels) // self.batch_rows * self.batch_rows
            for place in range(0, whole, self.batch_rows):
                done += self.batch_rows
                chosen = slice(place, place + self.batch_rows)
                yield _batch(mels[chosen], labels[chosen], self._position(start.epoch, done))
            left = mels[whole:], labels[whole:]
        if left is not None and len(left[0]):
            yield _batch(*left, Position(start.epoch + 1))

    def _position(self, epoch: int, done: int) -> Position:
        return Position(epoch, done) if done < self.rows else Position(epoch + 1)

    def _pools(self, start: Position) -> Iterator[Rows]:
        """Shuffled pools of an epoch from a row on; those before it are not read."""
        order = np.random.default_rng([self.seed, start.epoch]).permutation(len(self.groups))
        pools = [order[place : place + self.groups_at_once] for place in range(0, len(order), self.groups_at_once)]
        skip, wanted = start.rows, []
        for number, pool in enumerate(pools):
            size = sum(self.groups[place].rows for place in pool)
            if skip < size:
                wanted.append((number, pool, skip))
            skip = max(0, skip - size)
        with ThreadPoolExecutor(1) as reader:
            coming = [reader.submit(self._pool, start.epoch, *one) for one in wanted[:1]]
            for following in [*wanted[1:], None]:
                rows = coming.pop().result()
                if following is not None:
                    coming.append(reader.submit(self._pool, start.epoch, *following))
                yield rows

    def _pool(self, epoch: int, number: int, pool: NDArray[np.int64], skip: int) -> Rows:
        parts = [read_row_group(self.groups[place], self.shape) for place in pool]
        mels, labels = (np.concatenate(part) for part in zip(*parts, strict=True))
        order = np.random.default_rng([self.seed, epoch, number]).permutation(len(mels))[skip:]
        return mels[order], labels[order]


def load_split(store: DatasetStore, name: str, split: str, device: torch.device) -> tuple[Tensor, Tensor]:
    """A whole split on one device: log-mels (n, frames, mels) as float16, labels (n, roles) as float32."""
    examples = store.read_split(name, split)
    return torch.from_numpy(examples.mels).to(device), torch.from_numpy(examples.labels).to(device)


def _batch(mels: NDArray[np.float16], labels: NDArray[np.float32], position: Position) -> Batch:
    """In pinned memory where there is a GPU to copy to."""
    tensors = torch.from_numpy(mels), torch.from_numpy(labels)
    if torch.cuda.is_available():
        tensors = tensors[0].pin_memory(), tensors[1].pin_memory()
    return Batch(*tensors, position)
