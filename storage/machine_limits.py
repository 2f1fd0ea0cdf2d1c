"""What this machine lets the program use: processors and memory, within the limits of a container or a service."""

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

Number = TypeVar("Number", int, float)

_MEMORY_A_WORKER: Final = 1 << 30
"""A worker takes half of this for most files; an hour-long one takes more."""
_MEMORY_BESIDE: Final = 1 << 29
"""What the flow and its server take beside the workers."""


@dataclass(frozen=True)
class MachineLimits:
    """Processors that may be run on, the processor time that a cgroup allows (1.5 is one and a half), and memory.

    Memory is in bytes. None stands for no limit, and for one that the system does not tell.
    """

    processors: int
    quota: float | None
    memory: int | None
    allowed_memory: int | None

    @property
    def workers(self) -> int:
        """How many worker processes these limits carry, at least one."""
        return max(1, min(math.ceil(self.quota or self.processors), self.processors, self._workers_in_memory))

    @property
    def database_memory(self) -> int | None:
        """Bytes that a database may use: half of what there is; None where the system does not tell."""
        usable = self._usable_memory
        return None if usable is None else usable // 2

    @property
    def _workers_in_memory(self) -> int:
        usable = self._usable_memory
        return self.processors if usable is None else (usable - _MEMORY_BESIDE) // _MEMORY_A_WORKER

    @property
    def _usable_memory(self) -> int | None:
        return min((size for size in (self.memory, self.allowed_memory) if size is not None), default=None)

    @property
    def carries_a_worker(self) -> bool:
        """Whether there is memory for one worker beside the flow."""
        return self._workers_in_memory >= 1


def machine_limits(root: Path = Path("/")) -> MachineLimits:
    """The limits of this process; `root` is where `proc` and `sys` are, on Linux.

    Read from the affinity and from the process' cgroup and every group above it, in the layout of cgroup v1, v2 or
    both at once; the tightest limit holds.
    """
    groups = list(_groups(root))
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    processors = _least([usable, *_values(groups, ("cpuset.cpus.effective", "cpuset.effective_cpus"), _count_of_list)])
    v2, v1 = _values(groups, ("cpu.max",), _share), (_old_share(folder) for folder in groups)
    memory, there = (
        _least(_values(groups, ("memory.max", "memory.high", "memory.limit_in_bytes"), _bytes)),
        _physical_memory(),
    )
    # Version 1 writes no limit as a number that no machine has.
    allowed = None if memory is None or memory >= (there or sys.maxsize) else memory
    return MachineLimits(processors or 1, _least([*v2, *v1]), there, allowed)


def _groups(root: Path) -> Iterator[Path]:
    """The folders of the process' cgroup and of those above it, for each controller; a container is on top."""
    mounted = root / "sys" / "fs" / "cgroup"
    for line in (_read(root / "proc" / "self" / "cgroup") or "0::/").splitlines():
        _, controllers, group = (*line.split(":", 2), "", "")[:3]
        for name in dict.fromkeys([controllers, *controllers.split(",")] if controllers else ["", "unified"]):
            for above in (PurePosixPath("/", group), *PurePosixPath("/", group).parents):
                folder = mounted / name / str(above).lstrip("/")
                if folder.is_dir():
                    yield folder


def _values(
    folders: Iterable[Path], names: Iterable[str], read: Callable[[str], Number | None]
) -> Iterator[Number | None]:
    return (read(_read(folder / name)) for folder in folders for name in names)


def _least(values: Iterable[Number | None]) -> Number | None:
    return min((value for value in values if value is not None), default=None)


def _share(text: str) -> float | None:
    """`cpu.max`: microseconds of each period, or "max"."""
    words = text.split()
    return int(words[0]) / int(words[1]) if len(words) == 2 and words[0].isdecimal() and int(words[1]) else None


def _old_share(folder: Path) -> float | None:
    """The same in two files, the first of which says −1 for no limit."""
    return _share(f"{_read(folder / 'cpu.cfs_quota_us')} {_read(folder / 'cpu.cfs_period_us')}")


def _bytes(text: str) -> int | None:
    return int(text) if text.strip().isdecimal() else None


def _count_of_list(text: str) -> int | None:
    """How many numbers a list like 0-3,8 names."""
    ends = [part.split("-") for part in text.strip().split(",") if part]
    return sum(int(end[-1]) - int(end[0]) + 1 for end in ends) or None


def _physical_memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
