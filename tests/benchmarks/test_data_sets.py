"""Where the time of a data set goes, what its store costs, and how stretchers compare; prints figures.

CPU seconds, in one process: read the wall time of a real build from `rolecall dataset build`.
"""

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from storage.datasets.plan import Mix
from storage.datasets.shards import write_shard
from storage.loops.table import Loop
from tasks.audio import stretching
from tasks.audio.decoding import decode
from tasks.datasets import rendering
from tasks.datasets.balance import measure_balance
from tasks.datasets.mix_plan import plan_mixes
from tasks.datasets.recipe import Recipe, find_recipe, read_recipe
from tasks.metadata.manifests import read_manifest
from tasks.sources.folder import loop_from
from tests.support.dummies import RATE, clicks

pytestmark = pytest.mark.benchmark

MIXES, RENDERED = 25_000, 1_500


@pytest.fixture(scope="module")
def loops(corpus: Path) -> list[Loop]:
    return [loop_from(row) for row in read_manifest(corpus / "loops" / "manifest.csv")]


@contextmanager
def timed(seconds: dict[str, float], module: Any, *names: str) -> Iterator[None]:
    """Add up the CPU seconds of a module's functions, under their names."""
    kept = {name: getattr(module, name) for name in names}

    def wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.process_time()
            result = function(*arguments)
            seconds[name] += time.process_time() - began
            return result

        return call

    for name, function in kept.items():
        setattr(module, name, wrapped(name, function))
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(module, name, function)


def plan_of(loops: list[Loop]) -> tuple[Recipe, list[Mix]]:
    recipe = read_recipe(find_recipe("bundled-model")).model_copy(update={"mixes": MIXES})
    began = time.process_time()
    plan = plan_mixes(loops, recipe)
    print(f"\nplanning {MIXES} mixes: {time.process_time() - began:.1f} s of CPU\n{measure_balance(plan, recipe)}")
    return recipe, plan


def test_where_the_time_goes(loops: list[Loop], tmp_path: Path) -> None:
    recipe, plan = plan_of(loops)
    by_id = {loop.loop_id: loop for loop in loops}
    seconds: dict[str, float] = defaultdict(float)
    began = time.process_time()
    middle = len(plan) // 3
    mixes = plan[middle : middle + RENDERED]
    with (
        timed(seconds, stretching, "decode_cut", "stretch_loop", "loudness"),
        timed(seconds, rendering, "repeat_loop", "mel_power", "cut_segments", "normalise_level", "log_compress"),
    ):
        labels, mels = rendering.render_features(mixes, by_id, recipe.mel)
    rendered = time.process_time() - began
    began = time.process_time()
    write_shard(tmp_path / "shard", [mix.mix_id for mix in mixes], [mix.split for mix in mixes], labels, mels, "m")
    seconds["write_shard"] = time.process_time() - began
    each = 1000 * (rendered + seconds["write_shard"]) / RENDERED
    print(f"{each:.2f} ms of CPU a mix; {1000 / each:.0f} mixes/s a core")
    for name, spent in sorted(seconds.items(), key=lambda entry: -entry[1]):
        print(f"  {name:16} {1000 * spent / RENDERED:6.2f} ms a mix")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def test_what_a_row_costs_to_keep_and_to_read(loops: list[Loop], tmp_path: Path) -> None:
    recipe, plan = plan_of(loops)
    chosen = plan[:: len(plan) // 512][:512]
    labels, mels = rendering.render_features(chosen, {loop.loop_id: loop for loop in loops}, recipe.mel)
    names, splits = [mix.mix_id for mix in chosen], [mix.split for mix in chosen]
    write_shard(tmp_path / "float16.parquet", names, splits, labels, mels, "m")
    np.save(tmp_path / "float16.npy", mels)
    table = pq.read_table(tmp_path / "float16.parquet")
    pq.write_table(table, tmp_path / "float16 zstd.parquet", compression="zstd", row_group_size=64)
    for rows in (16, 256):
        pq.write_table(table, tmp_path / f"float16, groups of {rows}.parquet", compression="none", row_group_size=rows)
    low, high = float(mels.min()), float(mels.max())
    codes = np.round((mels.astype(np.float32) - low) * (255 / (high - low))).astype(np.uint8)
    step = (high - low) / 255
    write_shard(tmp_path / "uint8.parquet", names, splits, labels, codes, "m")
    print(f"uint8: a step is {step * 10 / np.log(10):.2f} dB, {step:.3f} of the log")
    for path in sorted(tmp_path.iterdir()):
        began = time.perf_counter()
        for _ in range(5):
            if path.suffix == ".npy":
                torch.from_numpy(np.load(path)).sum()
            else:
                kind = np.uint8 if "uint8" in path.name else np.float16
                column = pq.read_table(path, columns=["mel"]).column("mel")
                for chunk in column.chunks:
                    torch.from_numpy(np.frombuffer(chunk.buffers()[1], kind).copy()).sum()
        spent = (time.perf_counter() - began) / 5
        size = path.stat().st_size
        print(f"  {path.name:34} {size / len(chosen):8.0f} bytes a row  {size / 1e6 / spent:7.0f} MB/s")


def test_stretchers_keep_level_and_attacks(loops: list[Loop]) -> None:
    """Level: RMS after over before, in dB. Attacks: share of the clicks' peak that is kept."""
    drone = next(loop for loop in loops if loop.roles == ("chords",))
    samples = decode(Path(drone.path), RATE).samples
    struck = clicks(120, 8.0)
    stretchers: dict[str, Callable[[Any, float], Any]] = {
        "signalsmith": lambda signal, speed: stretching.stretch_loop(signal, speed, 0, RATE),
        "librosa": lambda signal, speed: librosa.effects.time_stretch(signal, rate=speed),
    }
    for name, stretch in stretchers.items():
        for speed in (0.9, 1.05, 1.12):
            began = time.process_time()
            held, hit = stretch(samples, speed), stretch(struck, speed)
            spent = time.process_time() - began
            level = 20 * np.log10(np.std(held) / np.std(samples))
            peak = np.percentile(np.abs(hit), 99.9) / np.percentile(np.abs(struck), 99.9)
            times = (len(samples) + len(struck)) / RATE / spent
            print(f"{name:12} x{speed:<5} level {level:+.2f} dB  attacks {peak:.2f}  {times:5.0f} times real time")
