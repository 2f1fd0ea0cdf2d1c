"""Balance of a plan: how evenly roles, combinations and loops are used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from storage.datasets.plan import Mix
from tasks.datasets.loop_sampling import role_combinations
from tasks.datasets.recipe import Recipe


@dataclass(frozen=True)
class Balance:
    """How even the sampled mixes of a plan are; `cut` and `loop` rows do not count.

    `roles` has the mixes of each role by split, and `role_deviation` the largest distance of a role's mixes from the
    mean of the roles, as a share of it; combinations of roles are those that occur among those that could; a loop's
    share is of all mixes; a form is a loop at one speed and transposition.
    """

    roles: dict[str, dict[str, int]]
    role_deviation: float
    combinations: int
    possible_combinations: int
    rarest_combination: int
    commonest_combination: int
    loops: int
    most_used_loop: str
    most_used_share: float
    forms: int
    most_forms: int
    stretched_or_transposed_share: float
    distinct_mixes: int


def measure_balance(plan: Sequence[Mix], recipe: Recipe) -> Balance:
    """Count roles, combinations, loops and forms in the mixes of a plan."""
    mixes = [mix for mix in plan if mix.kind == "mix"]
    voices = [voice for mix in mixes for voice in mix.voices]
    roles = Counter((mix.split, role) for mix in mixes for role in mix.roles)
    totals = [sum(roles[split, role] for split in ("train", "validation", "test")) for role in recipe.roles]
    mean = sum(totals) / len(totals)
    combinations = Counter(mix.roles for mix in mixes)
    used = Counter(voice.loop_id for voice in voices)
    loop_id, uses = max(used.items(), key=lambda entry: (entry[1], entry[0]))
    forms = {(voice.loop_id, voice.speed, voice.semitones) for voice in voices}
    changed = sum(voice.speed != 1.0 or voice.semitones != 0 for voice in voices)
    sounds = {tuple(replace(voice, gain_db=0.0) for voice in mix.voices) for mix in mixes}
    return Balance(
        roles={
            split: {role: roles[split, role] for role in recipe.roles}
            for split in ("train", "validation", "test")
            if any(mix.split == split for mix in mixes)
        },
        role_deviation=max(abs(total - mean) for total in totals) / mean,
        combinations=len(combinations),
        possible_combinations=len(role_combinations(recipe.roles, min(recipe.mix.most_loops, len(recipe.roles)))),
        rarest_combination=min(combinations.values()),
        commonest_combination=max(combinations.values()),
        loops=len(used),
        most_used_loop=loop_id,
        most_used_share=uses / len(mixes),
        forms=len(forms),
        most_forms=max(Counter(form[0] for form in forms).values()),
        stretched_or_transposed_share=changed / len(voices),
        distinct_mixes=len(sounds),
    )
