from dataclasses import replace
from pathlib import Path

from storage.datasets.plan import Mix, Voice, plan_digest, read_plan, write_plan
from tests.support.dummies import mix

BASS, DRUMS = Voice("a", "bass", 1.0625, -3, -2.25), Voice("b", "percussion", 1.0, 0, 6.0)
PLAN = [
    mix(BASS, DRUMS, bpm=126.4321, mix_id="mix-train-000001"),
    Mix("mix-test-000000", "test", 97.0, "C#", "minor", ("bass",), (BASS,)),
    replace(mix(DRUMS, mix_id="loop-b"), unknown_roles=("fx", "vocal")),
]


def test_a_plan_comes_back_as_it_was_in_its_order(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.parquet", PLAN)
    assert read_plan(tmp_path / "plan.parquet") == PLAN


def test_the_digest_is_that_of_the_rows_and_of_their_order(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.parquet", PLAN)
    assert plan_digest(read_plan(tmp_path / "plan.parquet")) == plan_digest(PLAN)
    assert len({plan_digest(PLAN), plan_digest(PLAN[::-1]), plan_digest(PLAN[:2]), plan_digest([])}) == 4


def test_a_loop_by_itself_is_told_from_a_mix_that_was_drawn() -> None:
    assert [row.kind for row in PLAN] == ["mix", "mix", "loop"]
