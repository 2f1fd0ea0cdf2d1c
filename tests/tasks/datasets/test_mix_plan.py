import random
from collections import Counter
from functools import lru_cache

import pytest

from storage.datasets.plan import Mix
from storage.errors import UserError
from storage.loops.table import Loop
from storage.vocabulary import ROLES
from tasks.datasets.balance import measure_balance
from tasks.datasets.loop_sampling import role_combinations
from tasks.datasets.mix_plan import plan_mixes, plan_singles
from tasks.datasets.recipe import LoopRules, MixRules, Recipe, SplitRules
from tasks.datasets.selection import labelled_loops
from tasks.metadata.key_names import TONICS, note_set
from tests.support.dummies import loop

RECIPE = Recipe(name="test", mixes=2240, split=SplitRules(validation_share=0.125, test_share=0.125))
KEYLESS = set(RECIPE.mix.keyless_roles)


@lru_cache
def material() -> dict[str, Loop]:
    """Ample: forty groups with every role, tempos from 70 to 170, some without a tempo, a fifth without a key."""
    draw = random.Random(7)
    loops = {}
    for group in range(40):
        tonic, mode = draw.choice(TONICS), draw.choice(["major", "minor"])
        for role in ROLES:
            number = len(loops)
            known = draw.random() < 0.8
            loops[f"{number:016x}"] = loop(
                number,
                roles=(role,),
                group=f"song{group}",
                bpm=None if number % 17 == 0 else draw.uniform(70, 170),
                key=tonic if known else None,
                mode=mode if known else None,
            )
    return loops


@lru_cache
def plan() -> tuple[Mix, ...]:
    return tuple(plan_mixes(list(material().values()), RECIPE))


def pitched(mix: Mix) -> list[tuple[Loop, int]]:
    return [(material()[voice.loop_id], voice.semitones) for voice in mix.voices if voice.role not in KEYLESS]


def test_the_plan_does_not_depend_on_the_order_of_loops() -> None:
    loops = list(material().values())
    random.Random(1).shuffle(loops)
    assert tuple(plan_mixes(loops, RECIPE)) == plan()


def test_another_seed_gives_another_plan() -> None:
    assert tuple(plan_mixes(list(material().values()), RECIPE.model_copy(update={"seed": 1}))) != plan()


def test_ample_material_gives_every_mix_that_was_asked_for_under_its_own_id() -> None:
    assert len({mix.mix_id for mix in plan()}) == RECIPE.mixes
    assert Counter(mix.split for mix in plan()) == {"train": 1680, "validation": 280, "test": 280}


def test_every_role_is_in_equally_many_mixes() -> None:
    counts = Counter(role for mix in plan() for role in mix.roles)
    assert counts.keys() == set(ROLES)
    assert max(counts.values()) <= 1.02 * min(counts.values())


def test_a_mix_has_one_loop_of_each_of_its_roles() -> None:
    for mix in plan():
        assert 1 <= len(mix.roles) <= RECIPE.mix.most_loops
        assert [voice.role for voice in mix.voices] == list(mix.roles)
        assert all(material()[voice.loop_id].roles == (voice.role,) for voice in mix.voices)


def test_no_group_is_heard_on_two_sides() -> None:
    used = {(material()[voice.loop_id].group, mix.split) for mix in plan() for voice in mix.voices}
    assert len(used) == len({group for group, _ in used})


def test_speeds_stay_within_their_limit_and_land_on_the_tempo_or_its_octaves() -> None:
    for mix in plan():
        for voice in mix.voices:
            assert 1 / 1.12 - 1e-9 <= voice.speed <= 1.12 + 1e-9
            bpm = material()[voice.loop_id].bpm
            if bpm is not None:
                assert any(
                    bpm * voice.speed * octave == pytest.approx(mix.bpm, rel=1.1e-3) for octave in (0.5, 1, 2, 4)
                )


def test_half_and_double_tempo_fit_without_stretching() -> None:
    loops = [
        loop(0, roles=("bass",), bpm=70.0, key="C", mode="minor"),
        loop(1, roles=("percussion",), bpm=140.0),
    ]
    recipe = Recipe(name="a", mixes=8, split=SplitRules(validation_share=0, test_share=0))
    both = [mix for mix in plan_mixes(loops, recipe) if len(mix.roles) == 2]
    assert both
    assert {voice.speed for mix in both for voice in mix.voices} == {1.0}


def test_keyless_roles_are_never_transposed_and_others_within_their_limit() -> None:
    for mix in plan():
        for voice in mix.voices:
            assert abs(voice.semitones) <= (0 if voice.role in KEYLESS else RECIPE.mix.max_semitones)


def test_pitched_voices_of_known_key_end_up_in_one_key_or_its_relative() -> None:
    several = 0
    for mix in plan():
        voices = [(one, shift) for one, shift in pitched(mix) if one.key is not None]
        several += len(voices) > 1
        keys = {(note_set(one.key or "", one.mode) + shift) % 12 for one, shift in voices}
        assert len(keys) <= 1
        if keys:
            assert mix.key is not None
            assert keys == {note_set(mix.key, mix.mode)}
    assert several > 100


def test_a_loop_of_unknown_key_is_never_heard_with_a_pitched_loop_of_another_group() -> None:
    for mix in plan():
        voices = pitched(mix)
        if any(one.key is None for one, _ in voices):
            assert len({one.group for one, _ in voices}) == 1
            assert {shift for _, shift in voices} == {0}


def test_few_variants_are_asked_for_and_loops_are_used_no_less_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    few = measure_balance(plan(), RECIPE)
    monkeypatch.setattr("tasks.datasets.loop_sampling._NEW_VARIANT_USES", 0.0)
    many = measure_balance(plan_mixes(list(material().values()), RECIPE), RECIPE)
    assert few.forms < 0.75 * many.forms
    assert few.most_used_share < 1.2 * many.most_used_share


def test_gains_stay_within_their_jitter() -> None:
    assert all(abs(voice.gain_db) <= RECIPE.mix.gain_jitter_db for mix in plan() for voice in mix.voices)


def test_every_usable_loop_is_also_there_by_itself_as_it_came() -> None:
    singles = plan_singles(list(material().values()), RECIPE)
    assert [mix.voices[0].loop_id for mix in singles] == sorted(material())
    for mix in singles:
        (voice,) = mix.voices
        assert mix.kind == "loop"
        assert (voice.speed, voice.semitones, voice.gain_db) == (1.0, 0, 0.0)


def test_a_single_is_on_the_side_of_its_groups_mixes() -> None:
    sides = {material()[voice.loop_id].group: mix.split for mix in plan() for voice in mix.voices}
    for mix in plan_singles(list(material().values()), RECIPE):
        assert mix.split == sides.get(material()[mix.voices[0].loop_id].group, mix.split)


def test_a_one_shot_is_a_row_by_itself_on_the_side_of_its_group_and_never_part_of_a_mix() -> None:
    known = next(iter(material().values()))
    hit = loop(903, roles=("bass",), flags=("oneshot",), group=known.group, bpm=None, duration_s=0.4)
    unsure = loop(904, roles=("bass", "fx"), flags=("oneshot",))
    loops = [*material().values(), hit, unsure]
    singles = plan_singles(loops, RECIPE)
    (row,) = [mix for mix in singles if mix.kind == "oneshot"]
    assert row.voices[0].loop_id == hit.loop_id
    assert row.split == next(mix.split for mix in singles if mix.voices[0].loop_id == known.loop_id)
    assert plan_mixes(loops, RECIPE) == plan_mixes(list(material().values()), RECIPE)
    assert [mix for mix in singles if mix is not row] == plan_singles(list(material().values()), RECIPE)


def test_the_one_shots_of_an_author_are_on_the_side_of_the_loops_that_another_group_of_that_author_has() -> None:
    rules = SplitRules(unit="([a-z]+)-.*", validation_share=0.3, test_share=0.3)
    authors = [f"author{letter}" for letter in "abcdefgh"]
    loops = [loop(number, group=f"{name}-loops") for number, name in enumerate(authors)]
    hits = [
        loop(100 + number, group=f"{name}-hits", flags=("oneshot",)) for number, name in enumerate(reversed(authors))
    ]
    hits += [loop(200 + number, group="authora-hits", flags=("oneshot",)) for number in range(20)]
    group_of = {one.loop_id: one.group for one in loops + hits}
    sides: dict[str, set[str]] = {}
    for row in plan_singles(loops + hits, Recipe(name="a", roles=("bass",), split=rules)):
        sides.setdefault(rules.unit_of(group_of[row.voices[0].loop_id]), set()).add(row.split)
    assert sides.keys() == set(authors)
    assert all(len(of_author) == 1 for of_author in sides.values())
    assert len(set.union(*sides.values())) > 1


def test_no_drawn_mix_is_taken_for_a_single() -> None:
    assert {mix.kind for mix in plan()} == {"mix"}


def test_a_loop_of_several_or_of_unsure_roles_stands_by_itself_as_a_cut_and_is_never_mixed() -> None:
    several, unsure = loop(901, roles=("bass", "fx")), loop(902, roles=("bass",), unknown_roles=("fx",))
    loops = [*material().values(), several, unsure]
    cuts = {mix.voices[0].loop_id: mix for mix in plan_singles(loops, RECIPE) if mix.kind == "cut"}
    assert cuts.keys() == {several.loop_id, unsure.loop_id}
    assert cuts[unsure.loop_id].unknown_roles == ("fx",)
    assert not {voice.loop_id for mix in plan_mixes(loops, RECIPE) for voice in mix.voices} & cuts.keys()


def test_loops_that_nobody_labelled_are_cuts_of_unknown_roles_on_the_training_side_where_the_recipe_wants_them() -> (
    None
):
    rules = SplitRules(unit="(author[0-9]+)", train_only=("author7",), test=("author8",))
    recipe = RECIPE.model_copy(update={"split": rules, "loops": LoopRules(unlabelled=True)})
    known = loop(901, roles=("bass",), group="author8_a")
    unlabelled = [
        loop(number, roles=(), group=group)
        for number, group in ((902, "author7_a"), (903, "author8_b"), (904, "author9_a"), (905, "author9_b"))
    ]
    too_fast = loop(906, roles=(), group="author9_c", bpm=300.0)
    loops = [*material().values(), known, *unlabelled, too_fast]
    rows = {mix.voices[0].loop_id: mix for mix in plan_singles(loops, recipe)}
    assert {number for number in range(901, 907) if loop(number).loop_id in rows} == {901, 902, 904, 905}
    for one in unlabelled:
        if (row := rows.get(one.loop_id)) is not None:
            assert (row.kind, row.split, row.roles, row.unknown_roles) == ("cut", "train", (), ROLES)
    assert not any(mix.unknown_roles == ROLES for mix in plan_singles(loops, RECIPE))
    assert plan_mixes(loops, recipe) == plan_mixes([*material().values(), known], recipe)


@pytest.mark.parametrize(
    "unfit",
    [
        loop(1, roles=()),
        loop(1, roles=("vocal",)),
        loop(1, bpm=59.0),
        loop(1, bpm=201.0),
        loop(1, licence="CC BY-NC 4.0"),
        loop(1, flags=("oneshot",)),
    ],
    ids=["no role", "unwanted role", "too slow", "too fast", "licence left out", "one-shot"],
)
def test_loops_outside_the_recipe_are_not_used(unfit: Loop) -> None:
    recipe = Recipe(name="a", roles=("bass", "fx"), loops=LoopRules(exclude_licences=("by-nc",)))
    assert labelled_loops([loop(0), unfit], recipe) == [loop(0)]


def test_the_same_content_counts_once() -> None:
    assert labelled_loops([loop(0), loop(0, path="/copy.wav")], RECIPE) == [loop(0, path="/copy.wav")]


def test_no_usable_loop_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="no loop of exactly one role"):
        plan_mixes([loop(0, roles=())], RECIPE)


def test_a_side_that_should_have_mixes_and_has_no_loop_is_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"no usable loop falls on the (validation|test) side"):
        plan_mixes([loop(0)], RECIPE)


def test_without_transposition_only_loops_of_one_key_meet() -> None:
    recipe = RECIPE.model_copy(update={"mix": MixRules(max_semitones=0)})
    for mix in plan_mixes(list(material().values()), recipe):
        assert {voice.semitones for voice in mix.voices} == {0}


def test_over_all_combinations_each_role_stands_equally_often() -> None:
    combinations = role_combinations(ROLES, 4)
    assert len(combinations) == len(set(combinations)) == 6 + 15 + 20 + 15
    assert set(Counter(role for roles in combinations for role in roles).values()) == {26}
