"""Recipes: everything that decides a data set, read from TOML and checked before any work."""

import hashlib
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from storage.loops.licences import LicenceClass
from storage.vocabulary import ROLES
from tasks.datasets.toml_files import find_description, read_description
from tasks.features.mel_config import MelConfig

Split = Literal["train", "validation", "test"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _in_order(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError("the lower end goes first")
    return ends


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Range = Annotated[tuple[float, float], AfterValidator(_in_order)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_in_order)]
ShareRange = Annotated[tuple[Share, Share], AfterValidator(_in_order)]


class LoopRules(_Section):
    """Which loops may be used; an empty list of sources or licences takes any.

    `tempo` is a range in beats per minute; `licences` are classes (`cc0`, `by`, …) to take and `exclude_licences`
    words to leave out; `least_annotators` and `exclude_flags` (`not_well_cut`, `not_4_4`, `tempo_disputed`, …) say how
    far a source's annotators must agree; loops that nobody annotated have no annotators and no flags. With `unlabelled`
    loops without a role are rows too, on the training side alone: only a teacher says what sounds in them.
    """

    sources: tuple[str, ...] = ()
    tempo: PositiveRange = (60.0, 200.0)
    licences: tuple[LicenceClass, ...] = ()
    exclude_licences: tuple[str, ...] = ()
    exclude_flags: tuple[str, ...] = ()
    least_annotators: int = Field(0, ge=0)
    unlabelled: bool = False


class MixRules(_Section):
    """How loops are combined: most loops in a mix, stretch as a share of the tempo, transposition in semitones.

    Mixes have one of `tempos` tempos, those that most loops have, half and double being one. A loop is used in at
    most `variants` stretched or transposed forms. Roles in `keyless_roles` are never transposed; the others must share
    their notes, a relative key being as good, and an estimated key counts from `least_key_confidence` on. Gains are
    drawn within `gain_jitter_db` either side of equal loudness. No loop is in more than `most_share` of the mixes.
    """

    most_loops: int = Field(4, ge=1, le=6)
    tempos: int = Field(24, ge=1)
    variants: int = Field(8, ge=1)
    max_stretch: float = Field(0.12, ge=0, le=0.5)
    max_semitones: int = Field(3, ge=0, le=6)
    keyless_roles: tuple[str, ...] = ("percussion", "fx")
    least_key_confidence: float = Field(0.6, ge=0, le=1)
    gain_jitter_db: float = Field(6.0, ge=0)
    most_share: float = Field(1.0, gt=0, le=1)

    @field_validator("keyless_roles")
    @classmethod
    def _known(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(roles) - set(ROLES)
        if unknown:
            raise ValueError(f"no role {', '.join(sorted(unknown))}")
        return roles


class AugmentRules(_Section):
    """Which share of the mixes gets each effect, and the ranges its parameters are drawn from, evenly.

    Cutoffs in Hz, decay times in seconds, levels in dB; `codec_quality` is Vorbis' scale from worst (0) to best (1).
    """

    low_pass_share: Share = 0.0
    low_pass_hz: PositiveRange = (1_000.0, 6_000.0)
    high_pass_share: Share = 0.0
    high_pass_hz: PositiveRange = (40.0, 300.0)
    reverb_share: Share = 0.0
    reverb_s: PositiveRange = (0.2, 1.5)
    reverb_db: Range = (-24.0, -9.0)
    noise_share: Share = 0.0
    noise_db: Range = (-50.0, -25.0)
    codec_share: Share = 0.0
    codec_quality: ShareRange = (0.0, 0.6)
    polarity_share: Share = 0.0
    offset_share: Share = 0.0


class SplitRules(_Section):
    """Which loops stay together, and on which side of the split they fall.

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

    @field_validator("unit")
    @classmethod
    def _pattern(cls, unit: str) -> str:
        try:
            re.compile(unit)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return unit

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to train on")
        return self

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
    seed: int = Field(2026, ge=0, lt=2**63)
    mixes: int = Field(25_000, ge=1)
    roles: tuple[str, ...] = Field(ROLES, min_length=1)
    loops: LoopRules = LoopRules()
    mix: MixRules = MixRules()
    augment: AugmentRules = AugmentRules()
    split: SplitRules = SplitRules()
    mel: MelConfig = MelConfig()

    @field_validator("mel")
    @classmethod
    def _possible(cls, mel: MelConfig) -> MelConfig:
        counts = (mel.sample_rate, mel.n_fft, mel.hop_length, mel.mels, mel.frames_per_bar)
        if min(counts) < 1 or not 0 <= mel.fmin < mel.fmax <= mel.sample_rate / 2:
            raise ValueError("counts must be 1 or more, and fmin below fmax, which is at most half of sample_rate")
        return mel

    @field_validator("roles")
    @classmethod
    def _in_vocabulary(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        unknown = set(roles) - set(ROLES)
        if unknown:
            raise ValueError(f"no role {', '.join(sorted(unknown))}")
        return tuple(role for role in ROLES if role in roles)

    def digest(self) -> str:
        """SHA-256 over everything in the recipe."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe; raises UserError naming the file and the first thing wrong with it."""
    return read_description(path, Recipe, "recipe")


def find_recipe(name: str) -> Path:
    """The file of a recipe: a path as it is, or the name of a shipped one; raises UserError naming those."""
    return find_description(name, "recipe")
