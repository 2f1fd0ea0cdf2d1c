from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st

from storage.loops.table import Loop
from storage.vocabulary import ROLES
from tasks.datasets.recipe import SplitRules
from tasks.datasets.splits import assign_splits
from tests.support.dummies import loop

GROUPS = st.lists(st.tuples(st.from_regex(r"[a-d][0-9]-[xyz]", fullmatch=True), st.sampled_from(ROLES)), min_size=1)


def material(groups: int = 40, per_role: int = 2) -> list[Loop]:
    return [
        loop(number, group=f"song{group}", roles=(role,))
        for number, (group, role, _) in enumerate(
            (group, role, copy) for group in range(groups) for role in ROLES for copy in range(per_role)
        )
    ]


@given(GROUPS)
def test_no_unit_is_on_two_sides(groups: list[tuple[str, str]]) -> None:
    rules = SplitRules(unit="([^-]+)")
    sides = assign_splits([loop(i, group=group, roles=(role,)) for i, (group, role) in enumerate(groups)], rules)
    of_unit = defaultdict(set)
    for group, side in sides.items():
        of_unit[rules.unit_of(group)].add(side)
    assert all(len(found) == 1 for found in of_unit.values())
    assert sides.keys() == {group for group, _ in groups}


@given(GROUPS)
def test_the_order_of_loops_does_not_matter(groups: list[tuple[str, str]]) -> None:
    loops = [loop(i, group=group, roles=(role,)) for i, (group, role) in enumerate(groups)]
    assert assign_splits(loops, SplitRules()) == assign_splits(loops[::-1], SplitRules())


def test_pins_hold() -> None:
    rules = SplitRules(train_only=("song1*",), validation=("song2*",), test=("song3", "song39"))
    for group, side in assign_splits(material(), rules).items():
        if group.startswith("song1"):
            assert side == "train"
        if group.startswith("song2"):
            assert side == "validation"
        if group in ("song3", "song39"):
            assert side == "test"


def test_more_to_train_with_only_moves_nothing_to_another_side() -> None:
    rules = SplitRules(train_only=("made*",), validation_share=0.15, test_share=0.15)
    made = [loop(1000 + number, group=f"made{number}", roles=("fx",)) for number in range(200)]
    assert assign_splits(material(), rules).items() <= assign_splits([*material(), *made], rules).items()


def test_every_role_is_on_each_side_in_about_its_share() -> None:
    loops = material()
    sides = assign_splits(loops, SplitRules(validation_share=0.15, test_share=0.15))
    counts = Counter((sides[one.group], one.roles[0]) for one in loops)
    for role in ROLES:
        assert 0.6 <= counts["train", role] / 80 <= 0.8
        assert 0.1 <= counts["validation", role] / 80 <= 0.2
        assert 0.1 <= counts["test", role] / 80 <= 0.2


def test_a_role_that_few_groups_have_still_reaches_every_side() -> None:
    loops = [loop(i, group=f"song{i}", roles=("vocal",) if i % 10 == 0 else ("bass",)) for i in range(100)]
    sides = assign_splits(loops, SplitRules())
    assert {sides[one.group] for one in loops if one.roles == ("vocal",)} == {"train", "validation", "test"}


def test_a_side_without_a_share_gets_nothing_that_is_not_pinned_there() -> None:
    assert set(assign_splits(material(), SplitRules(validation_share=0, test_share=0)).values()) == {"train"}
