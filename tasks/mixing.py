"""Planning mixes: which single-role loops sound together, at which tempo and key. Pure and seeded; renders nothing.

After Drysdale, Ramires, Serra and Hockman (DAFx 2022): half of all loops have one role; merging single-role
loops matched in tempo and key gives a multi-label set in which every role is equally represented.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np

from storage.errors import UserError
from storage.loops import Loop
from storage.plans import Mix, Voice
from tasks.keys import semitones_between
from tasks.recipe import Recipe, Split
from tasks.splitting import assign_splits
from tasks.tempo import tempo_from_length

_SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")
_TRIES: Final = 60
_TARGET_RANGE: Final = (70.0, 180.0)


@dataclass(frozen=True)
class _Candidate:
    loop: Loop
    bpm: float


def plan_mixes(loops: Sequence[Loop], recipe: Recipe) -> list[Mix]:
    """Plan `recipe.mixes` mixes over the three splits; the order of `loops` does not matter.

    Combinations of roles take turns, so every role is in equally many mixes as far as the material allows: a
    combination that finds no loops that fit gives way to the next. Raises UserError if a split that should
    have mixes has no usable loop.
    """
    labelled = labelled_loops(loops, recipe)
    usable = [loop for loop in labelled if is_pure(loop)]
    if not usable:
        raise UserError("no loop of exactly one role is usable under this recipe; fetch loops with roles first")
    sides = assign_splits(labelled, recipe.split)
    pools: dict[str, dict[str, list[_Candidate]]] = {split: defaultdict(list) for split in _SPLITS}
    for loop in usable:
        bpm = loop.bpm or tempo_from_length(loop.duration_s).bpm
        pools[sides[loop.group]][loop.roles[0]].append(_Candidate(loop, bpm))
    mixes: list[Mix] = []
    for index, (split, count) in enumerate(_counts(recipe).items()):
        if count and not pools[split]:
            raise UserError(f"no usable loop falls on the {split} side; fetch more groups of loops or change [split]")
        mixes += _plan_split(split, index, count, pools[split], recipe)
    return mixes


def plan_singles(loops: Sequence[Loop], recipe: Recipe) -> list[Mix]:
    """Every loop that has roles by itself, at its own tempo, on the side of the split that its group is on."""
    labelled = labelled_loops(loops, recipe)
    sides = assign_splits(labelled, recipe.split)
    return [
        Mix(
            mix_id=f"{'loop' if is_pure(loop) else 'cut'}-{loop.loop_id}",
            split=sides[loop.group],
            bpm=round(loop.bpm or tempo_from_length(loop.duration_s).bpm, 4),
            key=loop.key,
            mode=loop.mode,
            roles=loop.roles,
            voices=(Voice(loop.loop_id, "+".join(loop.roles), 1.0, 0, 0.0),),
            unknown_roles=loop.unknown_roles,
        )
        for loop in labelled
    ]


def is_pure(loop: Loop) -> bool:
    """Whether a loop has exactly one role for certain, so that it can be mixed with others."""
    return len(loop.roles) == 1 and not loop.unknown_roles


def labelled_loops(loops: Sequence[Loop], recipe: Recipe) -> list[Loop]:
    """The loops of wanted roles inside the recipe's rules, each content once, ordered by id."""
    low, high = recipe.loops.tempo
    chosen = {
        loop.loop_id: loop
        for loop in loops
        if loop.roles
        and set(loop.roles) <= set(recipe.roles)
        and (loop.bpm is None or low <= loop.bpm <= high)
        and not any(word.lower() in loop.licence.lower() for word in recipe.loops.exclude_licences)
    }
    return [chosen[loop_id] for loop_id in sorted(chosen)]


def role_combinations(roles: Sequence[str], most: int) -> list[tuple[str, ...]]:
    """Every combination of 1 to `most` roles; over all of them each role stands equally often."""
    return [chosen for size in range(1, most + 1) for chosen in combinations(roles, size)]


def _counts(recipe: Recipe) -> dict[Split, int]:
    validation = round(recipe.mixes * recipe.split.validation_share)
    test = round(recipe.mixes * recipe.split.test_share)
    return {"train": recipe.mixes - validation - test, "validation": validation, "test": test}


def _plan_split(split: Split, index: int, count: int, pool: dict[str, list[_Candidate]], recipe: Recipe) -> list[Mix]:
    present = [role for role in recipe.roles if pool[role]]
    turns = role_combinations(present, min(recipe.mix.most_loops, len(present)))
    order = np.random.default_rng([recipe.seed, index]).permutation(len(turns))
    mixes: list[Mix] = []
    for number in range(count):
        random = np.random.default_rng([recipe.seed, index, number])
        mix_id = f"mix-{split}-{number:06d}"
        for step in range(len(turns)):
            roles = turns[order[(number + step) % len(turns)]]
            mix = _draw(mix_id, split, roles, pool, recipe, random)
            if mix is not None:
                mixes.append(mix)
                break
    return mixes


def _draw(
    mix_id: str,
    split: Split,
    roles: tuple[str, ...],
    pool: dict[str, list[_Candidate]],
    recipe: Recipe,
    random: np.random.Generator,
) -> Mix | None:
    """One mix of exactly these roles, or None if no draw of loops fits together."""
    for _ in range(_TRIES):
        anchor = pool[roles[random.integers(len(roles))]]
        target_bpm = _fold(anchor[random.integers(len(anchor))].bpm)
        chosen: list[tuple[str, _Candidate, float, int]] = []
        key: tuple[str, str | None] | None = None
        for role in (roles[place] for place in random.permutation(len(roles))):
            fitting = [
                (candidate, speed, shift)
                for candidate in pool[role]
                if (speed := _speed(candidate.bpm, target_bpm, recipe.mix.max_stretch)) is not None
                and (shift := _shift(role, candidate.loop, key, chosen, recipe)) is not None
            ]
            if not fitting:
                break
            candidate, speed, shift = fitting[random.integers(len(fitting))]
            chosen.append((role, candidate, speed, shift))
            if key is None and role not in recipe.mix.keyless_roles and candidate.loop.key is not None:
                key = (candidate.loop.key, candidate.loop.mode)
        else:
            return _mix(mix_id, split, roles, target_bpm, key, chosen, recipe, random)
    return None


def _mix(
    mix_id: str,
    split: Split,
    roles: tuple[str, ...],
    bpm: float,
    key: tuple[str, str | None] | None,
    chosen: list[tuple[str, _Candidate, float, int]],
    recipe: Recipe,
    random: np.random.Generator,
) -> Mix:
    jitter = recipe.mix.gain_jitter_db
    voices = [
        Voice(candidate.loop.loop_id, role, speed, shift, round(float(random.uniform(-jitter, jitter)), 2))
        for role, candidate, speed, shift in sorted(chosen, key=lambda voice: roles.index(voice[0]))
    ]
    tonic, mode = key or (None, None)
    return Mix(mix_id, split, round(bpm, 4), tonic, mode, roles, tuple(voices))


def _fold(bpm: float) -> float:
    while bpm < _TARGET_RANGE[0]:
        bpm *= 2
    while bpm > _TARGET_RANGE[1]:
        bpm /= 2
    return bpm


def _speed(bpm: float, target_bpm: float, most: float) -> float | None:
    """The factor that brings a loop onto the target, half and double tempo being as good; None if it is too far."""
    ratio = target_bpm / bpm
    speed = ratio / 2.0 ** round(float(np.log2(ratio)))
    return float(speed) if 1 / (1 + most) <= speed <= 1 + most else None


def _shift(
    role: str,
    loop: Loop,
    key: tuple[str, str | None] | None,
    chosen: list[tuple[str, _Candidate, float, int]],
    recipe: Recipe,
) -> int | None:
    """Semitones that bring a loop into the key of the mix; None if it cannot be known to fit.

    Loops of one group come from one composition and go together as they are; a loop of unknown key goes with
    no other pitched loop.
    """
    if role in recipe.mix.keyless_roles:
        return 0
    pitched = [voice for voice in chosen if voice[0] not in recipe.mix.keyless_roles]
    if not pitched:
        return 0
    if key is not None and loop.key is not None and all(candidate.loop.key for _, candidate, _, _ in pitched):
        shift = semitones_between(loop.key, loop.mode, *key)
        return shift if abs(shift) <= recipe.mix.max_semitones else None
    same_group = all(candidate.loop.group == loop.group and shift == 0 for _, candidate, _, shift in pitched)
    return 0 if same_group else None
