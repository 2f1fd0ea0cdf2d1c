"""Sampling the loops of a mix from one side of a split: balanced over roles, matched in tempo and key.

The side is held as arrays over the loops of a role, because each sample looks at all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.loops.table import Loop
from tasks.datasets.recipe import MixRules, Recipe
from tasks.datasets.selection import bpm_of, trusted_key
from tasks.datasets.target_tempos import speed_to
from tasks.metadata.key_names import note_set

_TRIES: Final = 30
_MOST_FAILURES: Final = 3
_UNKNOWN: Final = -1
_NEW_VARIANT_USES: Final = 3.0
"""A loop comes in a new variant, whose making is most of what a mix costs, only if it lacks so many uses."""
_ROLES_BEFORE_COMBINATIONS: Final = 4.0

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SampledLoop:
    """A sampled loop: its speed factor at the mix's tempo, transposed by semitones."""

    role: str
    loop: Loop
    speed: float
    semitones: int


@dataclass(frozen=True)
class SampledMix:
    """The loops of one mix: the index of the tempo, the key with its note set (-1 where none is known), the voices."""

    tempo: int
    key: tuple[str, str | None] | None
    note_set: int
    voices: tuple[SampledLoop, ...]


class CombinationQueue:
    """Which combination of roles comes next: the one that balances the roles best, then the combinations."""

    def __init__(self, roles: Sequence[str], most: int) -> None:
        """Every combination of 1 to `most` roles takes part."""
        self._roles = list(roles)
        self.combinations = role_combinations(roles, most)
        self._member = np.array([[role in chosen for role in roles] for chosen in self.combinations], np.float64)
        self._counts = np.zeros(len(self.combinations))
        self._failures = np.zeros(len(self.combinations), np.int64)

    def order(self, random: np.random.Generator) -> list[int]:
        """Indices of the combinations, the next one first; those that never fit are left out."""
        per_role = self._counts @ self._member
        surplus = self._counts + _ROLES_BEFORE_COMBINATIONS * self._member @ (per_role - per_role.mean())
        places = np.argsort(surplus + random.random(len(surplus)), kind="stable")
        return [int(place) for place in places if self._failures[place] < _MOST_FAILURES]

    def taken(self, place: int) -> None:
        """A mix of this combination was found."""
        self._counts[place] += 1
        self._failures[place] = 0

    def failed(self, place: int) -> None:
        """No mix of this combination was found."""
        self._failures[place] += 1


class Side:
    """The loops of one side of the split, and how each was used so far."""

    def __init__(self, loops: Sequence[Loop], recipe: Recipe, tempos: Sequence[float]) -> None:
        """Take loops of one role each; `tempos` are those that mixes may have."""
        pools = {
            role: _Pool([loop for loop in loops if loop.roles == (role,)], role, recipe, tempos)
            for role in recipe.roles
        }
        self._pools = {role: pool for role, pool in pools.items() if pool.reachable.any()}
        self._most_uses = max(1, int(recipe.mix.most_share * recipe.mixes))

    @property
    def roles(self) -> list[str]:
        """The roles that have loops here."""
        return list(self._pools)

    def sample(self, roles: Sequence[str], random: np.random.Generator) -> SampledMix | None:
        """Loops of exactly these roles that fit together, the least used first; None if none were found.

        One voice, the anchor, keeps its tempo and key as nearly as there is a tempo for it; the others match it.
        """
        for _ in range(_TRIES):
            order = [roles[place] for place in random.permutation(len(roles))]
            first = self._pools[order[0]]
            anchor = first.least_used(first.reachable & (first.uses < self._most_uses), random)
            if anchor is None:
                continue
            meeting = _MixInProgress(int(first.nearest[anchor]))
            meeting.join(first, anchor, 0)
            for role in order[1:]:
                pool = self._pools[role]
                shifts = meeting.shifts(pool)
                fits = meeting.fits(pool, shifts) & (pool.uses < self._most_uses)
                chosen = pool.least_used(fits, random, _NEW_VARIANT_USES * meeting.new_variants(pool, shifts))
                if chosen is None:
                    break
                meeting.join(pool, chosen, int(shifts[chosen]))
            else:
                return meeting.close()
        return None


def role_combinations(roles: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Every combination of 1 to `most` roles; over all of them each role stands equally often."""
    return [chosen for size in range(1, most + 1) for chosen in combinations(roles, size)]


class _Pool:
    """The loops of one role: (tempos, loops) and (loops,) arrays."""

    def __init__(self, loops: Sequence[Loop], role: str, recipe: Recipe, tempos: Sequence[float]) -> None:
        self.loops, self.role, self.rules = loops, role, recipe.mix
        self.pitched = role not in recipe.mix.keyless_roles
        bpms = [bpm_of(loop) for loop in loops]
        self.speeds = np.array(
            [[speed_to(bpm, tempo, recipe.mix.max_stretch) or 0.0 for bpm in bpms] for tempo in tempos]
        ).reshape(len(tempos), len(loops))
        self.reachable: Bools = np.asarray((self.speeds > 0).any(axis=0), np.bool_)
        distance = np.where(self.speeds > 0, np.abs(np.log(np.maximum(self.speeds, 1e-9))), np.inf)
        self.nearest: Ints = np.argmin(np.round(distance, 6), axis=0) if len(loops) else np.zeros(0, np.int64)
        self.keys = [trusted_key(loop, recipe) if self.pitched else None for loop in loops]
        self.note_sets: Ints = np.array([_UNKNOWN if key is None else note_set(*key) for key in self.keys], np.int64)
        self.groups = np.array([loop.group for loop in loops])
        self.uses: Ints = np.zeros(len(loops), np.int64)
        self.variants = _Variants(len(tempos), len(loops), recipe.mix)
        for place in np.flatnonzero(self.reachable):
            self.variants.add(int(self.nearest[place]), 0, int(place))

    def least_used(
        self, among: Bools, random: np.random.Generator, more_uses: NDArray[np.floating] | float = 0.0
    ) -> int | None:
        """The place of a loop used as little as any, each counting as if it had been used so much more."""
        places = np.flatnonzero(among)
        if not len(places):
            return None
        uses = np.broadcast_to(self.uses + more_uses, among.shape)[places]
        return int(places[np.argmin(uses + random.random(len(places)))])


class _Variants:
    """The stretched and transposed variants of each loop used so far, and how many more it may have."""

    def __init__(self, tempos: int, loops: int, rules: MixRules) -> None:
        self._middle = rules.max_semitones
        self._most = rules.variants
        self._used = np.zeros((tempos, 2 * rules.max_semitones + 1, loops), np.bool_)
        self._count: Ints = np.zeros(loops, np.int64)

    def allowed(self, tempo: int, shifts: Ints) -> Bools:
        """Whether each loop may be used at a tempo with its shift; shifts out of range must be clipped before."""
        return np.asarray(self.used(tempo, shifts) | (self._count < self._most), np.bool_)

    def used(self, tempo: int, shifts: Ints) -> Bools:
        """Whether each loop was used so before; shifts out of range must be clipped before."""
        return np.asarray(self._used[tempo, shifts + self._middle, np.arange(len(shifts))], np.bool_)

    def add(self, tempo: int, shift: int, loop: int) -> None:
        self._count[loop] += not self._used[tempo, shift + self._middle, loop]
        self._used[tempo, shift + self._middle, loop] = True


class _MixInProgress:
    """A mix being built: the loops in it, and the key that the next must fit."""

    def __init__(self, tempo: int) -> None:
        self._tempo = tempo
        self._joined: list[tuple[_Pool, int, int]] = []

    def shifts(self, pool: _Pool) -> Ints:
        """Semitones that transpose each loop of a pool into the key; 0 where there is no key yet."""
        target = self._note_set()
        if not pool.pitched or target == _UNKNOWN:
            return np.zeros(len(pool.loops), np.int64)
        return np.where(pool.note_sets == _UNKNOWN, 0, (target - pool.note_sets + 6) % 12 - 6)

    def fits(self, pool: _Pool, shifts: Ints) -> Bools:
        """Which loops of a pool may be added.

        Loops of one group come from one composition and go together as they are; otherwise a loop of unknown key goes
        with no other pitched loop.
        """
        near = np.abs(shifts) <= pool.rules.max_semitones
        allowed = pool.variants.allowed(self._tempo, np.where(near, shifts, 0))
        fits = (pool.speeds[self._tempo] > 0) & near & allowed
        pitched = [(other, place, shift) for other, place, shift in self._joined if other.pitched]
        if not pool.pitched or not pitched:
            return np.asarray(fits, np.bool_)
        groups = {other.groups[place] for other, place, _ in pitched}
        unmoved = all(shift == 0 for _, _, shift in pitched)
        together = (pool.groups == groups.pop()) & (shifts == 0) if len(groups) == 1 and unmoved else False
        known = all(other.note_sets[place] != _UNKNOWN for other, place, _ in pitched)
        in_key = (pool.note_sets != _UNKNOWN) & known
        return np.asarray(fits & (together | in_key), np.bool_)

    def new_variants(self, pool: _Pool, shifts: Ints) -> Bools:
        """Which loops of a pool would have to be stretched or transposed as they never were before."""
        near = np.abs(shifts) <= pool.rules.max_semitones
        return ~pool.variants.used(self._tempo, np.where(near, shifts, 0))

    def join(self, pool: _Pool, place: int, shift: int) -> None:
        self._joined.append((pool, place, shift))

    def close(self) -> SampledMix:
        for pool, place, shift in self._joined:
            pool.uses[place] += 1
            pool.variants.add(self._tempo, shift, place)
        voices = [
            SampledLoop(pool.role, pool.loops[place], float(pool.speeds[self._tempo, place]), shift)
            for pool, place, shift in self._joined
        ]
        return SampledMix(self._tempo, self._key(), self._note_set(), tuple(voices))

    def _key(self) -> tuple[str, str | None] | None:
        """The key of the first pitched voice that has one: it was not transposed."""
        keys = [(pool.keys[place], shift) for pool, place, shift in self._joined if pool.keys[place] is not None]
        return keys[0][0] if keys else None

    def _note_set(self) -> int:
        key = self._key()
        return _UNKNOWN if key is None else note_set(*key)
