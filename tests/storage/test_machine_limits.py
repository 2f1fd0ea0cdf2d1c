"""What a container allows decides how many workers there are, in every layout in which the kernel tells it."""

import os
from pathlib import Path

import pytest

from storage.machine_limits import MachineLimits, machine_limits

GIB = 1 << 30


def machine(root: Path, groups: str, files: dict[str, str]) -> MachineLimits:
    """The limits of a machine with these lines in /proc/self/cgroup and these files below /sys/fs/cgroup."""
    for name, text in {
        "proc/self/cgroup": groups,
        **{f"sys/fs/cgroup/{name}": text for name, text in files.items()},
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return machine_limits(root)


@pytest.fixture
def sixteen_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


@pytest.mark.usefixtures("sixteen_processors")
@pytest.mark.parametrize(
    ("groups", "files", "quota"),
    [
        ("0::/", {"cpu.max": "100000 100000"}, 1.0),
        ("0::/", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/", {"cpu.max": "max 100000"}, None),
        ("0::/", {}, None),
        ("0::/", {"cpu.max": ""}, None),
        ("0::/a/b", {"a/b/cpu.max": "max 100000", "a/cpu.max": "200000 100000", "cpu.max": "300000 100000"}, 2.0),
        ("0::/of/the/host", {"cpu.max": "50000 100000"}, 0.5),
        (
            "4:cpu,cpuacct:/a",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "200000", "cpu,cpuacct/a/cpu.cfs_period_us": "50000"},
            4.0,
        ),
        ("4:cpuacct,cpu:/host", {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3.0),
        ("4:cpu:/", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("1:cpu:/\n0::/", {"unified/cpu.max": "100000 100000", "cpu/cpu.cfs_quota_us": "-1"}, 1.0),
        ("", {"cpu.max": "100000 100000"}, 1.0),
    ],
)
def test_the_tightest_quota_of_processor_time_holds(
    groups: str, files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    assert machine(tmp_path, groups, files).quota == quota


@pytest.mark.usefixtures("sixteen_processors")
@pytest.mark.parametrize(
    ("groups", "files", "processors"),
    [
        ("0::/", {"cpuset.cpus.effective": "0-3,8"}, 5),
        ("0::/", {"cpuset.cpus.effective": ""}, 16),
        ("0::/", {"cpuset.cpus.effective": "0-63"}, 16),
        ("2:cpuset:/", {"cpuset/cpuset.effective_cpus": "7"}, 1),
    ],
)
def test_no_more_processors_count_than_the_set_and_the_affinity_allow(
    groups: str, files: dict[str, str], processors: int, tmp_path: Path
) -> None:
    assert machine(tmp_path, groups, files).processors == processors


@pytest.mark.parametrize(
    ("groups", "files", "allowed"),
    [
        ("0::/", {"memory.max": str(GIB)}, GIB),
        ("0::/", {"memory.max": "max", "memory.high": str(GIB // 4)}, GIB // 4),
        ("0::/", {"memory.max": "max", "memory.high": "max"}, None),
        ("5:memory:/a", {"memory/a/memory.limit_in_bytes": str(GIB // 2)}, GIB // 2),
        ("5:memory:/", {"memory/memory.limit_in_bytes": "9223372036854771712"}, None),
    ],
)
def test_a_limit_of_memory_is_found(groups: str, files: dict[str, str], allowed: int | None, tmp_path: Path) -> None:
    assert machine(tmp_path, groups, files).allowed_memory == allowed


@pytest.mark.parametrize(
    ("limits", "workers"),
    [
        (MachineLimits(2, None, None, None), 2),
        (MachineLimits(64, 1.0, 256 * GIB, None), 1),
        (MachineLimits(64, 2.5, 256 * GIB, None), 3),
        (MachineLimits(64, 0.2, 256 * GIB, None), 1),
        (MachineLimits(2, 8.0, 256 * GIB, None), 2),
        (MachineLimits(64, None, 256 * GIB, 4 * GIB), 3),
        (MachineLimits(64, None, 8 * GIB, None), 7),
    ],
)
def test_there_are_as_many_workers_as_processors_quota_and_memory_carry(limits: MachineLimits, workers: int) -> None:
    assert limits.workers == workers


def test_where_the_memory_carries_no_worker_there_is_one_and_it_is_known_to_be_too_much() -> None:
    small = MachineLimits(4, None, 64 * GIB, GIB // 2)
    assert (small.workers, small.carries_a_worker) == (1, False)


def test_this_machine_carries_a_worker() -> None:
    assert 1 <= machine_limits().workers <= (os.cpu_count() or 1)
