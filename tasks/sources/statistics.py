"""Statistics of the table of loops: counts by role, source, licence and tempo."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from storage.loops.table import Loop

_BPM_STEP: Final = 10


def loop_statistics(loops: Sequence[Loop]) -> dict[str, Any]:
    """Loops per role, source, licence, class of licence and tempo, and how long they are together, in seconds.

    A loop of two roles counts in both; roles and tempi that nobody knows count as `unknown`. Tempi are counted in
    steps of ten beats per minute, named by their first: `120` is 120 up to, but not including, 130.
    """
    return {
        "loops": len(loops),
        "duration_s": sum(loop.duration_s for loop in loops),
        "roles": _counted(role for loop in loops for role in loop.roles or ("unknown",)),
        "sources": _counted(loop.source for loop in loops),
        "licences": _counted(loop.licence for loop in loops),
        "licence_classes": _counted(loop.licence_class.value for loop in loops),
        "bpm": _counted("unknown" if loop.bpm is None else f"{_step(loop.bpm):3d}" for loop in loops),
    }


def _counted(names: Iterable[str]) -> dict[str, int]:
    return {name.strip(): number for name, number in sorted(Counter(names).items())}


def _step(bpm: float) -> int:
    return int(bpm // _BPM_STEP) * _BPM_STEP
