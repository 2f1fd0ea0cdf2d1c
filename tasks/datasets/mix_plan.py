"""Planning mixes: which single-role loops sound together, at which tempo and key. Pure and seeded; renders nothing.

After Drysdale, Ramires, Serra and Hockman (DAFx 2022): half of all loops have one role; merging single-role
loops matched in tempo and key gives a multi-label set in which every role is equally represented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from storage.datasets.plan import Mix, Voice
from storage.errors import UserError
from storage.loops.table import Loop
from storage.vocabulary import BEATS_PER_BAR, ROLES, Kind
from tasks.datasets.effects import sample_effects
from tasks.datasets.loop_sampling import CombinationQueue, SampledMix, Side
from tasks.datasets.recipe import Recipe, Split
from tasks.datasets.selection import bpm_of, is_one_shot, is_pure, labelled_loops, labelled_one_shots, unlabelled_loops
from tasks.datasets.splits import assign_splits
from tasks.datasets.target_tempos import choose_tempos, octaves

_SPLITS: Final[tuple[Split, ...]] = ("train", "validation", "test")


def plan_mixes(loops: Sequence[Loop], recipe: Recipe) -> list[Mix]:
    """Plan exactly `recipe.mixes` mixes over the three splits; the order of `loops` does not matter.

    Every role is in equally many mixes, and combinations of roles are as even as the material allows: one that finds
    no loops that fit gives way to others of the same roles. Mixes of one split, tempo and key follow each other, so
    that rendering them in order needs few stretched loops at a time. Raises UserError if a split that should
    have mixes has no usable loop, or too few for the recipe's `most_share`.
    """
    labelled = labelled_loops(loops, recipe)
    usable = [loop for loop in labelled if is_pure(loop)]
    if not usable:
        raise UserError("no loop of exactly one role is usable under this recipe; fetch loops with roles first")
    side_of = assign_splits(labelled, recipe.split)
    tempos = choose_tempos([bpm_of(loop) for loop in usable], recipe.mix.tempos, recipe.mix.max_stretch)
    mixes: list[Mix] = []
    for index, (split, count) in enumerate(_counts(recipe).items()):
        side = Side([loop for loop in usable if side_of[loop.group] == split], recipe, tempos)
        if count and not side.roles:
            raise UserError(f"no usable loop falls on the {split} side; fetch more groups of loops or change [split]")
        mixes += _plan_side(split, count, side, tempos, recipe, np.random.default_rng([recipe.seed, index]))
    return mixes


def plan_singles(loops: Sequence[Loop], recipe: Recipe) -> list[Mix]:
    """Every loop and one-shot that has roles by itself, at its own tempo, on the side that its group is on.

    A one-shot has the tempo that its length makes. Loops alone decide about the side of what stays together. Loops
    without a role, where the recipe wants them, are cuts in which every role is unknown; none that stays together with
    something on another side than the training side.
    """
    labelled, one_shots = labelled_loops(loops, recipe), labelled_one_shots(loops, recipe)
    sides: dict[str, Split] = {}
    for kind in (one_shots, labelled):
        sides |= {recipe.split.unit_of(group): side for group, side in assign_splits(kind, recipe.split).items()}
    unlabelled = [loop for loop in unlabelled_loops(loops, recipe) if _teaches(loop, sides, recipe)]
    return [_single(loop, sides[recipe.split.unit_of(loop.group)]) for loop in labelled + one_shots] + [
        replace(_single(loop, "train"), unknown_roles=ROLES) for loop in unlabelled
    ]


def _teaches(loop: Loop, sides: Mapping[str, Split], recipe: Recipe) -> bool:
    """Whether a loop without a role may be on the training side."""
    unit = recipe.split.unit_of(loop.group)
    return sides.get(unit, recipe.split.pinned(unit) or "train") == "train"


def _single(loop: Loop, split: Split) -> Mix:
    """A loop by itself at its own tempo, as a row of a data set."""
    return Mix(
        mix_id=f"{_kind(loop)}-{loop.loop_id}",
        split=split,
        bpm=round(bpm_of(loop), 4),
        key=loop.key,
        mode=loop.mode,
        roles=loop.roles,
        voices=(Voice(loop.loop_id, "+".join(loop.roles), 1.0, 0, 0.0),),
        unknown_roles=loop.unknown_roles,
    )


def _kind(loop: Loop) -> str:
    """The kind of row that a loop by itself is."""
    if is_one_shot(loop):
        return Kind.ONESHOT.value
    return "loop" if is_pure(loop) else "cut"


def _counts(recipe: Recipe) -> dict[Split, int]:
    validation = round(recipe.mixes * recipe.split.validation_share)
    test = round(recipe.mixes * recipe.split.test_share)
    return {"train": recipe.mixes - validation - test, "validation": validation, "test": test}


def _plan_side(
    split: Split, count: int, side: Side, tempos: Sequence[float], recipe: Recipe, random: np.random.Generator
) -> list[Mix]:
    queue = CombinationQueue(side.roles, min(recipe.mix.most_loops, len(side.roles)))
    sampled: list[tuple[SampledMix, Mix]] = []
    for number in range(count):
        one = _sample(side, queue, random)
        if one is None:
            raise UserError(
                f"only {number} of {count} mixes can be made on the {split} side under this recipe; fetch more loops, "
                "ask for fewer mixes, or raise mix.most_share"
            )
        sampled.append((one, _mix(f"mix-{split}-{number:06d}", split, one, tempos, recipe, random)))
    return [mix for _, mix in sorted(sampled, key=lambda pair: (pair[0].tempo, pair[0].note_set, pair[1].mix_id))]


def _sample(side: Side, queue: CombinationQueue, random: np.random.Generator) -> SampledMix | None:
    for place in queue.order(random):
        one = side.sample(queue.combinations[place], random)
        if one is not None:
            queue.taken(place)
            return one
        queue.failed(place)
    return None


def _mix(
    mix_id: str, split: Split, sampled: SampledMix, tempos: Sequence[float], recipe: Recipe, random: np.random.Generator
) -> Mix:
    """All voices begin at one bar, drawn from those of the longest: shorter loops have been repeated by then."""
    choices = octaves(tempos[sampled.tempo])
    bpm = choices[random.integers(len(choices))]
    jitter = recipe.mix.gain_jitter_db
    chosen = sorted(sampled.voices, key=lambda one: recipe.roles.index(one.role))
    beats = [max(BEATS_PER_BAR, round(one.loop.duration_s / one.speed * bpm / 60)) for one in chosen]
    start = int(random.integers(max(beats) // BEATS_PER_BAR)) * BEATS_PER_BAR
    voices = [
        Voice(
            one.loop.loop_id,
            one.role,
            one.speed,
            one.semitones,
            round(float(random.uniform(-jitter, jitter)), 2),
            start % beats_of_one,
        )
        for one, beats_of_one in zip(chosen, beats, strict=True)
    ]
    tonic, mode = sampled.key or (None, None)
    roles = tuple(voice.role for voice in voices)
    effects = sample_effects(recipe.augment, random)
    return Mix(mix_id, split, round(bpm, 4), tonic, mode, roles, tuple(voices), effects=effects)
