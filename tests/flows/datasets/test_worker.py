"""What a worker does for a data set: checking loops, rendering, resuming, comparing. No cluster is needed to see it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from flows.datasets.worker import ShardRequest, check_loops, compare_shards, render_shards, shard_requests
from storage.datasets.plan import Voice
from storage.datasets.shards import digest_if_made_of
from storage.datasets.store import DatasetStore
from storage.files import sha256_of
from storage.loops.table import Loop
from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError
from tasks.datasets.loop_checks import Unusable
from tasks.datasets.recipe import Recipe
from tests.support.dummies import LOOPS, loop, mix

RECIPE = Recipe(name="small")


def real(number: int, name: str, role: str, bpm: float, path: Path | None = None) -> Loop:
    file = path or LOOPS / name
    return loop(number, path=str(file), sha256=sha256_of(LOOPS / name), roles=(role,), bpm=bpm, key=None)


@pytest.fixture
def loops(tmp_path: Path) -> dict[str, Loop]:
    copy = tmp_path / "drone.ogg"
    copy.write_bytes((LOOPS / "loop_drone_g_97.ogg").read_bytes())
    return {
        "drums": real(1, "loop_breakbeat_126bpm.ogg", "percussion", 126.0),
        "drone": real(2, "loop_drone_g_97.ogg", "chords", 97.0, copy),
    }


@pytest.fixture
def request_of_three(tmp_path: Path, loops: dict[str, Loop]) -> ShardRequest:
    drums, drone = Voice("drums", "percussion", 1.0, 0, 0.0), Voice("drone", "chords", 1.1, 2, -3.0, 4)
    plan = [mix(drums, mix_id="mix-1"), mix(drone, mix_id="mix-2"), mix(drums, drone, mix_id="mix-3")]
    (request,) = shard_requests(plan, loops, RECIPE, DatasetStore(tmp_path / "sets"), {"numpy": "2"})
    return request


def test_a_finished_shard_is_known_by_what_it_was_made_of(request_of_three: ShardRequest) -> None:
    (receipt,) = render_shards([request_of_three])
    path, ingredients = request_of_three.path, request_of_three.ingredients
    assert digest_if_made_of(path, ingredients) == receipt.digest == sha256_of(path)
    assert digest_if_made_of(path, "other loops, plan or libraries") is None
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert digest_if_made_of(path, ingredients) is None


def test_rows_rendered_again_are_equal_and_a_changed_loop_names_its_rows(
    request_of_three: ShardRequest, loops: dict[str, Loop]
) -> None:
    render_shards([request_of_three])
    assert compare_shards([request_of_three]) == []
    other = {**loops, "drone": replace(loops["drone"], path=str(LOOPS / "ambi_glass_hum.ogg"), sha256="0" * 64)}
    differing = compare_shards([replace(request_of_three, loops=other)])
    assert [row.mix_id for row in differing] == ["mix-2", "mix-3"]
    assert all(row.largest > 0.1 and not row.is_rounding for row in differing)


def test_a_loop_that_breaks_on_the_way_is_named_and_leaves_no_shard(
    request_of_three: ShardRequest, loops: dict[str, Loop]
) -> None:
    gone = {**loops, "drone": replace(loops["drone"], path="/gone.ogg", sha256="1" * 64)}
    with pytest.raises(AudioError, match=r"/gone\.ogg: no such file"):
        render_shards([replace(request_of_three, loops=gone)])
    assert not request_of_three.path.exists()


def test_a_loop_whose_file_was_changed_since_it_was_fetched_is_not_used(loops: dict[str, Loop]) -> None:
    Path(loops["drone"].path).write_bytes(b"something else")
    drums, drone = check_loops([(loops["drums"], False), (loops["drone"], True)])
    assert drums == loops["drums"]
    assert isinstance(drone, Unusable)
    assert (drone.path, drone.reason) == (loops["drone"].path, Reason.VANISHED)


def test_a_loop_without_a_key_is_heard_once(loops: dict[str, Loop]) -> None:
    (made,) = check_loops([(loops["drone"], True)])
    assert isinstance(made, Loop)
    assert (made.key, made.key_source) == ("G", "estimate")
    assert made.key_confidence is not None
    assert 0 <= made.key_confidence <= 1


def test_audio_is_kept_beside_where_it_is_wanted(request_of_three: ShardRequest, tmp_path: Path) -> None:
    (plain,) = render_shards([request_of_three])
    (made,) = render_shards([replace(request_of_three, audio=tmp_path / "audio")])
    assert plain == made
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == ["mix-1.flac", "mix-2.flac", "mix-3.flac"]
    assert np.prod([path.stat().st_size > 0 for path in (tmp_path / "audio").iterdir()])
