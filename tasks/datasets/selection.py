"""Selecting the loops that a recipe may use, and the tempo and key that each is taken to have."""

from collections.abc import Sequence

from storage.loops.table import Loop
from storage.vocabulary import Kind
from tasks.datasets.recipe import Recipe
from tasks.rhythm.loop_tempo import tempo_from_length


def labelled_loops(loops: Sequence[Loop], recipe: Recipe) -> list[Loop]:
    """The loops of wanted roles inside the recipe's rules, no one-shots, each content once, ordered by id."""
    return [loop for loop in _wanted_ones(loops, recipe) if not is_one_shot(loop)]


def labelled_one_shots(loops: Sequence[Loop], recipe: Recipe) -> list[Loop]:
    """The one-shots of exactly one role inside the recipe's rules, each content once, ordered by id."""
    return [loop for loop in _wanted_ones(loops, recipe) if is_one_shot(loop) and is_pure(loop)]


def unlabelled_loops(loops: Sequence[Loop], recipe: Recipe) -> list[Loop]:
    """The loops without a role inside the recipe's other rules, if it wants them, each content once, ordered by id.

    None whose content has a role under another name, and no one-shots.
    """
    if not recipe.loops.unlabelled:
        return []
    known = {loop.loop_id for loop in loops if loop.roles}
    chosen = {loop.loop_id: loop for loop in loops if loop.loop_id not in known and not is_one_shot(loop)}
    return [chosen[loop_id] for loop_id in sorted(chosen) if _follows_rules(chosen[loop_id], recipe)]


def is_one_shot(loop: Loop) -> bool:
    """Whether it is a single hit or note: it teaches what a one-shot sounds like, and is never part of a mix."""
    return Kind.ONESHOT in loop.flags


def is_pure(loop: Loop) -> bool:
    """Whether a loop has exactly one role for certain, so that it can be mixed with others."""
    return len(loop.roles) == 1 and not loop.unknown_roles


def needs_key(loop: Loop, recipe: Recipe) -> bool:
    """Whether a key has to be estimated before the loop can be mixed: it is pitched, and nobody wrote one down."""
    pitched = is_pure(loop) and loop.roles[0] not in recipe.mix.keyless_roles
    return pitched and loop.key is None and loop.key_source is None


def bpm_of(loop: Loop) -> float:
    """The tempo that is written down, or else the one that the length suggests."""
    return loop.bpm or tempo_from_length(loop.duration_s).bpm


def trusted_key(loop: Loop, recipe: Recipe) -> tuple[str, str | None] | None:
    """Tonic and mode, if they were written down or are estimated with confidence enough."""
    if loop.key is None:
        return None
    sure = loop.key_confidence is None or loop.key_confidence >= recipe.mix.least_key_confidence
    return (loop.key, loop.mode) if sure else None


def _wanted_ones(loops: Sequence[Loop], recipe: Recipe) -> list[Loop]:
    chosen = {loop.loop_id: loop for loop in loops if _wanted(loop, recipe)}
    return [chosen[loop_id] for loop_id in sorted(chosen)]


def _wanted(loop: Loop, recipe: Recipe) -> bool:
    return bool(loop.roles) and set(loop.roles) <= set(recipe.roles) and _follows_rules(loop, recipe)


def _follows_rules(loop: Loop, recipe: Recipe) -> bool:
    """Whether tempo, source, licence and annotators of a loop are as the recipe asks for."""
    rules = recipe.loops
    low, high = rules.tempo
    return (
        (not rules.sources or loop.source in rules.sources)
        and (loop.bpm is None or low <= loop.bpm <= high)
        and (not rules.licences or loop.licence_class in rules.licences)
        and not any(word.lower() in loop.licence.lower() for word in rules.exclude_licences)
        and not set(loop.flags) & set(rules.exclude_flags)
        and (loop.annotators or 0) >= rules.least_annotators
    )
