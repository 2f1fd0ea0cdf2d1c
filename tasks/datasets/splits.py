"""Train, validation and test splits, and folds, by groups of loops: a group stays on one side."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

from storage.loops.table import Loop
from tasks.datasets.recipe import Split, SplitRules

Side = TypeVar("Side", bound=Hashable)


def assign_splits(loops: Sequence[Loop], rules: SplitRules) -> dict[str, Split]:
    """The side of every group: pinned ones as the rules say, the others dealt by need.

    Units are taken in an order drawn from their names, and each goes to the side that lacks its roles most. Shares are
    of what may be on any side: however much is there to train with only, the other sides get no more for it.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for loop in loops:
        counts[rules.unit_of(loop.group)].update(loop.roles)
    side_of: dict[str, Split] = {}
    for unit in counts:
        if (pinned := rules.pinned(unit)) is not None:
            side_of[unit] = pinned
    wanted = _wanted({unit: roles for unit, roles in counts.items() if side_of.get(unit) != "train"}, rules)
    reached: dict[Split, Counter[str]] = {"train": Counter(), "validation": Counter(), "test": Counter()}
    for unit, side in side_of.items():
        if side != "train":
            reached[side] += counts[unit]
    waiting = {unit: counts[unit] for unit in counts.keys() - side_of.keys()}
    side_of |= _deal(waiting, wanted, reached)
    return {loop.group: side_of[rules.unit_of(loop.group)] for loop in loops}


def assign_folds(counts: Mapping[str, Counter[str]], folds: int) -> dict[str, int]:
    """The fold of every unit of loops, from how often each role is in it: every fold gets its share of every role."""
    total = sum(counts.values(), Counter[str]())
    wanted = {fold: {role: count / folds for role, count in total.items()} for fold in range(folds)}
    return _deal(counts, wanted, {fold: Counter[str]() for fold in range(folds)})


def _deal(
    counts: Mapping[str, Counter[str]], wanted: Mapping[Side, dict[str, float]], reached: dict[Side, Counter[str]]
) -> dict[str, Side]:
    """A side for every unit, in an order drawn from their names: each goes where its roles lack most."""
    side_of: dict[str, Side] = {}
    for unit in sorted(counts, key=_name_digest):
        neediest = max(reached, key=lambda side: _need(counts[unit], wanted[side], reached[side]))
        side_of[unit] = neediest
        reached[neediest] += counts[unit]
    return side_of


def _wanted(counts: dict[str, Counter[str]], rules: SplitRules) -> dict[Split, dict[str, float]]:
    total = sum(counts.values(), Counter[str]())
    shares: dict[Split, float] = {
        "validation": rules.validation_share,
        "test": rules.test_share,
        "train": 1 - rules.validation_share - rules.test_share,
    }
    return {split: {role: share * count for role, count in total.items()} for split, share in shares.items()}


def _need(unit: Counter[str], wanted: dict[str, float], reached: Counter[str]) -> float:
    """How much of what a side still lacks, as a share of what it wants, this unit would add."""
    return sum(
        count * (wanted[role] - reached[role]) / wanted[role] for role, count in unit.items() if wanted[role] > 0
    )


def _name_digest(unit: str) -> str:
    return hashlib.sha256(unit.encode()).hexdigest()
