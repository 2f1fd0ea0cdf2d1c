from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from storage.datasets.lock import DatasetLock, dataset_digest
from storage.datasets.shards import write_shard
from storage.datasets.store import DatasetStore
from storage.errors import UserError
from storage.files import sha256_of
from storage.vocabulary import ROLES

SHAPE = (8, 3)
LOCK = DatasetLock(
    name="small", digest="d", recipe={"name": "small"}, recipe_digest="r", plan_digest="p",
    mel={"frames_per_bar": 2, "mels": 3}, mel_digest="m", render_version=1, environment={"numpy": "2"}, mixes=6,
    singles=0, cuts=0,
    roles={"bass": 3}, splits={"train": 4, "test": 2}, groups={"train": ["a"]}, balance={}, loops=[], licences=[],
    shards={},
)  # fmt: skip


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 2, (count, len(ROLES)), np.int8)
    return labels, random.normal(-5, 3, (count, *SHAPE)).astype(np.float16)


@pytest.fixture
def store(tmp_path: Path) -> DatasetStore:
    return DatasetStore(tmp_path / "datasets")


def build(store: DatasetStore) -> tuple[np.ndarray, np.ndarray]:
    """Two shards of three rows; the middle row of each is a test row."""
    labels, mels = rows(6, seed=1)
    shards = {}
    for number in range(2):
        part = slice(3 * number, 3 * number + 3)
        path = store.shard_path("small", number)
        ids = [f"mix{place}" for place in range(6)][part]
        shards[path.name] = write_shard(path, ids, ["train", "test", "train"], labels[part], mels[part], "m")
    store.write_lock(replace(LOCK, shards=shards))
    return labels, mels


@pytest.mark.parametrize(("split", "places"), [("train", [0, 2, 3, 5]), ("test", [1, 4])])
def test_a_split_comes_back_as_it_was_bit_for_bit(store: DatasetStore, split: str, places: list[int]) -> None:
    labels, mels = build(store)
    examples = store.read_split("small", split)
    np.testing.assert_array_equal(examples.mels, mels[places])
    np.testing.assert_array_equal(examples.labels, labels[places])
    assert examples.mix_ids == [f"mix{place}" for place in places]
    assert (examples.mels.dtype, examples.labels.dtype) == (np.float16, np.float32)


def test_a_split_longer_than_a_row_group_keeps_its_order(store: DatasetStore) -> None:
    labels, mels = rows(200, seed=2)
    ids = [str(place) for place in range(200)]
    digest = write_shard(store.shard_path("small", 0), ids, ["train"] * 200, labels, mels, "m")
    store.write_lock(replace(LOCK, shards={"shard-00000.parquet": digest}))
    examples = store.read_split("small", "train")
    np.testing.assert_array_equal(examples.mels, mels)
    assert examples.mix_ids == ids


def test_shares_of_roles_come_back_bit_for_bit_where_every_shard_has_them(store: DatasetStore) -> None:
    labels, mels = rows(6, seed=1)
    shares = np.random.default_rng(4).random((6, 16, 8, len(ROLES))).astype(np.float16)
    shards = {}
    for number, part in enumerate((slice(0, 3), slice(3, 6))):
        path = store.shard_path("small", number)
        ids = [f"mix{place}" for place in range(6)][part]
        shards[path.name] = write_shard(path, ids, ["train"] * 3, labels[part], mels[part], "m", shares=shares[part])
    store.write_lock(replace(LOCK, shards=shards))
    examples = store.read_split("small", "train")
    assert examples.shares is not None
    np.testing.assert_array_equal(examples.shares, shares)
    some = examples.take(np.array([4, 1]))
    assert some.shares is not None
    np.testing.assert_array_equal(some.shares, shares[[4, 1]])
    assert some.mix_ids == ["mix4", "mix1"]
    build(store)
    assert store.read_split("small", "train").shares is None


def test_a_split_without_rows_is_empty_and_keeps_its_shape(store: DatasetStore) -> None:
    build(store)
    examples = store.read_split("small", "validation")
    assert examples.mels.shape == (0, *SHAPE)
    assert examples.labels.shape == (0, len(ROLES))


def test_the_same_rows_give_the_same_shard(tmp_path: Path) -> None:
    labels, mels = rows(5, seed=3)
    digests = [write_shard(tmp_path / name, list("abcde"), ["train"] * 5, labels, mels, "m") for name in ("one", "two")]
    assert digests[0] == digests[1] == sha256_of(tmp_path / "one") == sha256_of(tmp_path / "two")


def test_a_shard_names_its_transform_and_roles(store: DatasetStore) -> None:
    build(store)
    metadata = pq.read_schema(store.shard_path("small", 0)).metadata
    assert metadata[b"rolecall.mel_digest"] == b"m"
    assert metadata[b"rolecall.roles"].decode().split(",") == list(ROLES)


def test_a_lock_comes_back_as_it_was(store: DatasetStore) -> None:
    store.write_lock(LOCK)
    assert store.read_lock("small") == LOCK


def test_a_folder_without_a_lock_is_no_data_set(store: DatasetStore) -> None:
    labels, mels = rows(3, seed=1)
    write_shard(store.shard_path("unfinished", 0), list("abc"), ["train"] * 3, labels, mels, "m")
    store.write_lock(LOCK)
    assert store.names() == ["small"]
    with pytest.raises(UserError, match=r"no finished data set 'unfinished'.*there: small"):
        store.read_lock("unfinished")


def test_before_the_first_data_set_there_is_none(store: DatasetStore) -> None:
    assert store.names() == []
    with pytest.raises(UserError, match="none yet"):
        store.read_lock("small")


def test_a_missing_shard_is_refused_by_name(store: DatasetStore) -> None:
    build(store)
    store.shard_path("small", 1).unlink()
    with pytest.raises(UserError, match=r"shard-00001.parquet is missing"):
        store.read_split("small", "train")


def test_the_digest_is_of_the_plan_the_transform_and_the_bytes_and_not_of_the_order_of_shards() -> None:
    shards = {"a": "1", "b": "2"}
    digest = dataset_digest("plan", "mel", 1, shards)
    assert digest == dataset_digest("plan", "mel", 1, dict(reversed(shards.items())))
    others = [
        dataset_digest("other", "mel", 1, shards),
        dataset_digest("plan", "other", 1, shards),
        dataset_digest("plan", "mel", 2, shards),
        dataset_digest("plan", "mel", 1, {**shards, "b": "3"}),
    ]
    assert len({digest, *others}) == 5
