"""What a Dask worker runs for a data set: checking loops, rendering shards, extracting features, comparing rows."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.datasets.plan import Mix
from storage.datasets.shards import labels_of, mels_of, write_shard
from storage.datasets.store import DatasetStore
from storage.loops.table import Loop
from tasks.audio.decoding import AudioError
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.audition import keep_audio
from tasks.datasets.feature_diff import RowDifference, differences
from tasks.datasets.loop_checks import Unusable, checked_loop
from tasks.datasets.recipe import Recipe
from tasks.datasets.rendering import RENDER_VERSION, render_features, render_mix
from tasks.datasets.role_shares import render_shares
from tasks.features.mel_config import MelConfig
from tasks.networks.inference import use_one_thread
from tasks.training.pretrained_features import RATE, PretrainedFeatures

_ROWS: Final = 256
"""Rows of a shard: eight megabytes."""


@dataclass(frozen=True)
class ShardRequest:
    """A shard: where it goes, its rows, just the loops they use, the transform, and a digest of all of these.

    Where `audio` is given, every row is also written there as FLAC.
    """

    path: Path
    mixes: tuple[Mix, ...]
    loops: Mapping[str, Loop]
    mel: MelConfig
    ingredients: str
    audio: Path | None = None


@dataclass(frozen=True)
class ShardReceipt:
    """A shard that is there: its file name, the SHA-256 of its bytes, how many rows it holds."""

    name: str
    digest: str
    rows: int


def shard_requests(
    plan: Sequence[Mix],
    loops: Mapping[str, Loop],
    recipe: Recipe,
    datasets: DatasetStore,
    libraries: Mapping[str, str],
    audio: Path | None = None,
) -> Iterator[ShardRequest]:
    """The shards of a plan, in its order; `libraries` is the environment, whose change may change bytes."""
    for number, start in enumerate(range(0, len(plan), _ROWS)):
        mixes = tuple(plan[start : start + _ROWS])
        used = {voice.loop_id: loops[voice.loop_id] for mix in mixes for voice in mix.voices}
        contents = sorted((loop.loop_id, loop.sha256) for loop in used.values())
        decides = [RENDER_VERSION, recipe.mel.digest, dict(libraries), contents, [asdict(mix) for mix in mixes]]
        ingredients = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        path = datasets.shard_path(recipe.name, number)
        yield ShardRequest(path, mixes, used, recipe.mel, ingredients, audio)


def check_loops(requests: Sequence[tuple[Loop, bool]]) -> list[Loop | Unusable]:
    """Check some loops, and estimate the key of those with a True beside them."""
    return [checked_loop(loop, wants_key) for loop, wants_key in requests]


def extract_row_features(requests: Sequence[ShardRequest]) -> list[tuple[str, NDArray[np.float16]]]:
    """Pretrained features of the rows of some shards: shard names and features (rows, features)."""
    use_one_thread()
    return [(request.path.name, np.stack(list(_row_features(request)))) for request in requests]


def _row_features(request: ShardRequest) -> Iterator[NDArray[np.float16]]:
    for mix in request.mixes:
        yield _pretrained().extract(render_mix(mix, request.loops, RATE, _stretched_loops()))


def render_shards(requests: Sequence[ShardRequest]) -> list[ShardReceipt]:
    """Render and write some shards; raises `AudioError` naming a loop that cannot be decoded any more."""
    receipts = []
    for request in requests:
        labels, mels = render_features(request.mixes, request.loops, request.mel, _stretched_loops())
        shares = render_shares(request.mixes, request.loops, request.mel, _stretched_loops())
        if request.audio is not None:
            for mix in request.mixes:
                keep_audio(mix, request.loops, request.audio, _stretched_loops())
        names, splits = [mix.mix_id for mix in request.mixes], [mix.split for mix in request.mixes]
        digest = write_shard(request.path, names, splits, labels, mels, request.mel.digest, request.ingredients, shares)
        receipts.append(ShardReceipt(request.path.name, digest, len(request.mixes)))
    return receipts


def compare_shards(requests: Sequence[ShardRequest]) -> list[RowDifference]:
    """Render the rows of some shards again; those that differ from the shard.

    A row that the shard has no longer, or that cannot be rendered any more, is different in every way.
    """
    return [row for request in requests for row in _compared(request)]


def _compared(request: ShardRequest) -> list[RowDifference]:
    shard, names = request.path.name, [mix.mix_id for mix in request.mixes]
    try:
        table = pq.read_table(request.path)
        places = {name: place for place, name in enumerate(table.column("mix_id").to_pylist())}
        rows = table.take([places[name] for name in names]).combine_chunks()
        rendered = render_features(request.mixes, request.loops, request.mel, _stretched_loops())
    except (OSError, ValueError, KeyError):
        return [RowDifference(name, shard, float("inf"), float("inf")) for name in names]
    except AudioError:
        if len(names) == 1:
            return [RowDifference(names[0], shard, float("inf"), float("inf"))]
        alone = [replace(request, mixes=(mix,)) for mix in request.mixes]
        return [row for one in alone for row in _compared(one)]
    stored = labels_of(rows), mels_of(rows, rendered[1].shape[1:])
    return differences(shard, names, stored, rendered)


@lru_cache(maxsize=1)
def _pretrained() -> PretrainedFeatures:
    return PretrainedFeatures()


@lru_cache(maxsize=1)
def _stretched_loops() -> StretchedLoops:
    """One cache a worker: shards that follow each other need the same stretched loops."""
    return StretchedLoops()
