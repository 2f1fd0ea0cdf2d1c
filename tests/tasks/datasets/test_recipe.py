from pathlib import Path

import pytest

from storage.errors import UserError
from storage.vocabulary import COMMON_ROLES, ROLES
from tasks.datasets.recipe import Recipe, SplitRules, find_recipe, read_recipe
from tasks.features.mel_config import MelConfig


@pytest.mark.parametrize("name", ["default", "paper", "bundled-model"])
def test_a_shipped_recipe_is_found_by_name_and_loads(name: str) -> None:
    recipe = read_recipe(find_recipe(name))
    assert recipe.name == name
    assert recipe.mel == MelConfig()


def test_the_papers_recipe_has_its_five_roles() -> None:
    assert read_recipe(find_recipe("paper")).roles == COMMON_ROLES


def test_an_unknown_name_lists_the_shipped_recipes() -> None:
    with pytest.raises(UserError, match=r"no recipe 'mine'.*bundled-model, default, paper"):
        find_recipe("mine")


def test_a_path_is_taken_as_it_is() -> None:
    assert find_recipe("somewhere/mine.toml") == Path("somewhere/mine.toml")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "a"\nmixs = 3', "mixs"),
        ('name = "a"\n[mix]\nloudness = 3', r"mix\.loudness"),
        ('name = "a"\nroles = ["bass", "drums"]', "roles is .*no role drums"),
        ('name = "a"\n[mix]\nkeyless_roles = ["drums"]', r"mix\.keyless_roles is .*no role drums"),
        ('name = "a"\nmixes = 0', "mixes"),
        ('name = "a"\n[mix]\nmax_stretch = 3.0', r"mix\.max_stretch"),
        ('name = "../../etc"', "name"),
        ("mixes = 10", "name is missing"),
        ("name = ", "not TOML"),
        ('name = "a"\nseed = -1', "seed is -1"),
        ('name = "a"\nroles = []', "roles is"),
        ('name = "a"\nmixes = "many"', "mixes is 'many'"),
        ('name = "a"\nmixes = inf', "mixes is inf"),
        ('name = "a"\nloops = 3', "loops is 3"),
        ('name = "a"\n[loops]\ntempo = [200, 60]', r"loops\.tempo is .*the lower end goes first"),
        ('name = "a"\n[loops]\ntempo = [60, nan]', r"loops\.tempo\.1 is nan"),
        ('name = "a"\n[mix]\ngain_jitter_db = inf', r"mix\.gain_jitter_db is inf"),
        ('name = "a"\n[augment]\nlow_pass_hz = [0, 100]', r"augment\.low_pass_hz\.0 is 0"),
        ('name = "a"\n[split]\nunit = "(mod"', r"split\.unit is .*no regular expression"),
        ('name = "a"\n[split]\ntest_share = 0.9', "split is .*leave nothing to train on"),
        ('name = "a"\n[mel]\nhop_length = 0', "mel is .*counts must be 1 or more"),
    ],
)
def test_what_is_wrong_is_refused_and_the_file_and_place_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=f"mine.toml.*{complaint}"):
        read_recipe(path)


def test_a_recipe_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read the recipe .*none\.toml"):
        read_recipe(tmp_path / "none.toml")


def test_roles_are_kept_in_their_one_order() -> None:
    assert Recipe(name="a", roles=tuple(reversed(ROLES))).roles == ROLES


def test_equal_recipes_have_one_digest_and_others_another() -> None:
    assert Recipe(name="a").digest() == Recipe(name="a").digest()
    assert Recipe(name="a").digest() != Recipe(name="a", seed=1).digest()


@pytest.mark.parametrize(
    ("pattern", "group", "unit"),
    [("(.*)", "kit", "kit"), ("(mod_[^-]+|.*)", "mod_a-bass", "mod_a"), ("x(y)", "kit", "kit"), ("kit", "kit", "kit")],
)
def test_a_groups_unit_is_the_first_capture_or_the_whole_group(pattern: str, group: str, unit: str) -> None:
    assert SplitRules(unit=pattern).unit_of(group) == unit
