"""Recipes: everything that decides a data set, read from TOML and checked before any work."""

import hashlib
import re
import tomllib
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from storage.errors import UserError
from storage.vocabulary import ROLES
from tasks.mel import MelConfig

Split = Literal["train", "validation", "test"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoopRules(_Section):
    """Which loops may be used: tempo range in beats per minute, licence patterns to leave out."""

    tempo: tuple[float, float] = (60.0, 200.0)
    exclude_licences: tuple[str, ...] = ()


class MixRules(_Section):
    """How loops are combined: most loops in a mix, stretch as a share of the tempo, transposition in semitones.

    Roles in `keyless_roles` are never transposed. Gains are drawn within `gain_jitter_db` either side of equal
    loudness.
    """

    most_loops: int = Field(4, ge=1, le=6)
    max_stretch: float = Field(0.12, ge=0, le=0.5)
    max_semitones: int = Field(3, ge=0, le=6)
    keyless_roles: tuple[str, ...] = ("percussion", "fx")
    gain_jitter_db: float = Field(6.0, ge=0)

    @field_validator("keyless_roles")
    @classmethod
    def _known(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(roles) - set(ROLES)
        if unknown:
            raise ValueError(f"no role {', '.join(sorted(unknown))}")
        return roles


class SplitRules(_Section):
    """Which loops may not be parted, and on which side of the split they fall.

    The first capture of `unit` in a loop's group (the whole group, if there is none) is the unit that stays
    together. Units matching a pattern of `train_only`, `validation` or `test` go there; the rest are dealt so
    that every role has its share on each side.
    """

    unit: str = "(.*)"
    validation_share: float = Field(0.15, ge=0, lt=1)
    test_share: float = Field(0.15, ge=0, lt=1)
    train_only: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()

    def unit_of(self, group: str) -> str:
        """The unit that a group belongs to."""
        match = re.match(self.unit, group)
        return match.group(1) if match and match.groups() and match.group(1) else group

    def pinned(self, unit: str) -> Split | None:
        """The side that the recipe names for a unit, if it names one."""
        sides: tuple[tuple[Split, tuple[str, ...]], ...] = (
            ("test", self.test),
            ("validation", self.validation),
            ("train", self.train_only),
        )
        for side, patterns in sides:
            if any(fnmatchcase(unit, pattern) for pattern in patterns):
                return side
        return None


class Recipe(_Section):
    """A data set, described: same recipe and same loops, same plan."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    seed: int = 2026
    mixes: int = Field(25_000, ge=1)
    roles: tuple[str, ...] = ROLES
    loops: LoopRules = LoopRules()
    mix: MixRules = MixRules()
    split: SplitRules = SplitRules()
    mel: MelConfig = MelConfig()

    @field_validator("roles")
    @classmethod
    def _in_order(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(roles) - set(ROLES)
        if unknown:
            raise ValueError(f"no role {', '.join(sorted(unknown))}")
        return tuple(role for role in ROLES if role in roles)

    def digest(self) -> str:
        """SHA-256 over everything in the recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises UserError naming the file and the first thing wrong with it."""
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the recipe {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the recipe"
        raise UserError(f"{path}: {where}: {first['msg']}") from error


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path as it is, or the name of a shipped one; raises UserError naming those."""
    shipped = Path(str(resources.files("storage") / "bundled" / "recipes"))
    if name.endswith(".toml"):
        return Path(name)
    path = shipped / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(recipe.stem for recipe in shipped.glob("*.toml")))
        raise UserError(f"no recipe {name!r}; write a .toml file, or name a shipped one: {known}")
    return path
