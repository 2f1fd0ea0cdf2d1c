from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from storage.datasets.shards import write_shard
from storage.datasets.store import DatasetStore
from storage.vocabulary import ROLES
from tasks.training.feature_loading import Position, SplitStream, load_split
from tests.storage.datasets.test_lock import LOCK

SHARDS, ROWS = 3, 150


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DatasetStore:
    """Three shards of 150 rows, every fifth of them a test row; the first mel of a row is its number."""
    store, shards = DatasetStore(tmp_path_factory.mktemp("loading")), {}
    for shard in range(SHARDS):
        numbers = np.arange(ROWS) + shard * ROWS
        mels = np.broadcast_to(numbers[:, None, None], (ROWS, 8, 3)).astype(np.float16)
        labels = np.broadcast_to((numbers % 2)[:, None], (ROWS, len(ROLES))).astype(np.int8)
        splits = ["test" if number % 5 == 0 else "train" for number in numbers]
        path = store.shard_path("small", shard)
        shards[path.name] = write_shard(path, [f"mix-{number}" for number in numbers], splits, labels, mels, "m")
    store.write_lock(replace(LOCK, shards=shards))
    return store


def stream(store: DatasetStore, seed: int = 1, batch_rows: int = 32) -> SplitStream:
    return replace(SplitStream.of(store, "small", "train", batch_rows, seed), groups_at_once=2)


def numbers_of(batches: list[torch.Tensor]) -> list[int]:
    return torch.cat([mels[:, 0, 0] for mels in batches]).to(torch.int64).tolist()


def epoch_of(one: SplitStream, epoch: int = 0) -> list[int]:
    batches = islice(one.batches(Position(epoch)), -(-one.rows // one.batch_rows))
    return numbers_of([batch.mels for batch in batches])


def test_every_row_of_the_split_comes_once_an_epoch(store: DatasetStore) -> None:
    numbers = epoch_of(stream(store))
    assert sorted(numbers) == [number for number in range(SHARDS * ROWS) if number % 5]


def test_labels_stay_with_their_rows(store: DatasetStore) -> None:
    for batch in islice(stream(store).batches(), 20):
        np.testing.assert_array_equal(batch.labels[:, 0], batch.mels[:, 0, 0].float() % 2)


def test_the_order_is_the_seeds_and_another_every_epoch(store: DatasetStore) -> None:
    first = epoch_of(stream(store))
    assert first == epoch_of(stream(store))
    assert first != sorted(first)
    assert first != epoch_of(stream(store), epoch=1)
    assert first != epoch_of(stream(store, seed=2))


def test_batches_are_full_but_for_the_last_of_an_epoch(store: DatasetStore) -> None:
    sizes = [len(batch.mels) for batch in islice(stream(store, batch_rows=50).batches(), 8)]
    assert sizes == [50] * 7 + [10]


@pytest.mark.parametrize("stopped_after", [1, 4, 11, 12, 15])
def test_a_stream_goes_on_where_a_checkpoint_stopped(store: DatasetStore, stopped_after: int) -> None:
    whole = list(islice(stream(store).batches(), 24))
    position = whole[stopped_after - 1].position
    resumed = list(islice(stream(store).batches(position), 24 - stopped_after))
    for one, other in zip(whole[stopped_after:], resumed, strict=True):
        assert torch.equal(one.mels, other.mels)
        assert one.position == other.position


def test_an_empty_split_ends_at_once(store: DatasetStore) -> None:
    assert list(SplitStream.of(store, "small", "validation", 32, 1).batches()) == []


def test_a_whole_split_comes_in_the_order_of_the_plan(store: DatasetStore) -> None:
    mels, labels = load_split(store, "small", "test", torch.device("cpu"))
    assert numbers_of([mels]) == list(range(0, SHARDS * ROWS, 5))
    assert (mels.dtype, labels.dtype) == (torch.float16, torch.float32)
