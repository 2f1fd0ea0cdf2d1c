"""What a person looks for in the catalogue, as it stands in the address of the page, and the same as SQL conditions."""

from enum import StrEnum
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from storage.vocabulary import ROLES, Kind, Status
from tasks.metadata.key_names import mixing_keys, parse_key


class RoleState(StrEnum):
    """What a role is to be."""

    ON = "on"
    OFF = "off"
    UNSURE = "unsure"


class Sort(StrEnum):
    """What a list is sorted by; a role stands for its probability."""

    PATH = "path"
    KIND = "kind"
    BPM = "bpm"
    KEY = "key"
    DURATION = "duration_s"
    BPM_CONFIDENCE = "bpm_confidence"
    LABELLED = "labelled_at"
    BASS = "bass"
    PERCUSSION = "percussion"
    FX = "fx"
    MELODY = "melody"
    CHORDS = "chords"
    VOCAL = "vocal"


_Confidence: Final = Field(default=None, ge=0, le=1)
_Tempo: Final = Field(default=None, ge=0, le=1000)


class TrackFilter(BaseModel):
    """A filter, the order of what it lets through, and which page of it is asked for; what is left out does not count.

    `text` is words that the path has all, in any order. `key` is a key such as `F# minor`, and `mixing` lets the keys
    through that mix with it too. The confidences are the least of each.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str | None = Field(default=None, max_length=500)
    folder: str | None = Field(default=None, max_length=4096)
    kind: Kind | None = None
    status: Status | None = None
    bass: RoleState | None = None
    percussion: RoleState | None = None
    fx: RoleState | None = None
    melody: RoleState | None = None
    chords: RoleState | None = None
    vocal: RoleState | None = None
    bpm_min: float | None = _Tempo
    bpm_max: float | None = _Tempo
    key: str | None = Field(default=None, max_length=20)
    mixing: bool = False
    bpm_confidence: float | None = _Confidence
    key_confidence: float | None = _Confidence
    sort: Sort = Sort.PATH
    descending: bool = False
    page: int = Field(default=0, ge=0, le=1_000_000)

    @model_validator(mode="after")
    def _names_a_key(self) -> Self:
        if self.key is not None and None in parse_key(self.key):
            raise ValueError(f"{self.key!r} is no key; write a tonic and a mode, such as F# minor")
        return self

    def conditions(self) -> tuple[str, dict[str, Any]]:
        """A condition over the view `tracks`, and its parameters by name."""
        parts: list[str] = ["true"]
        values: dict[str, Any] = {}

        def require(condition: str, **parameters: Any) -> None:
            parts.append(condition)
            values.update(parameters)

        for number, word in enumerate((self.text or "").lower().split()):
            require(f"contains(lower(path), $word{number})", **{f"word{number}": word})
        if self.folder:
            require("starts_with(path, $folder)", folder=self.folder.rstrip("/") + "/")
        for name in ("kind", "status"):
            if (wanted := getattr(self, name)) is not None:
                require(f"{name} = ${name}", **{name: wanted.value})
        for role in ROLES:
            if (state := getattr(self, role)) is not None:
                require(_ROLE[state].format(role=role))
        if self.bpm_min is not None:
            require("bpm >= $bpm_min", bpm_min=self.bpm_min)
        if self.bpm_max is not None:
            require("bpm <= $bpm_max", bpm_max=self.bpm_max)
        if self.key is not None:
            require("(\"key\" || ' ' || mode) IN (SELECT unnest($keys))", keys=self._keys(self.key))
        for name in ("bpm_confidence", "key_confidence"):
            if (least := getattr(self, name)) is not None:
                require(f"{name} >= ${name}", **{name: least})
        return " AND ".join(parts), values

    def order(self) -> str:
        """What the rows are ordered by; whatever has no value comes last."""
        direction = "DESC" if self.descending else "ASC"
        column = f'"key" {direction} NULLS LAST, mode' if self.sort is Sort.KEY else self.sort.value
        return f"{column} {direction} NULLS LAST, track_id"

    def _keys(self, named: str) -> list[str]:
        key, mode = parse_key(named)
        assert key is not None
        assert mode is not None
        keys = mixing_keys(key, mode) if self.mixing else [(key, mode)]
        return [f"{tonic} {of}" for tonic, of in keys]


_ROLE: Final = {
    RoleState.ON: "list_contains(roles, '{role}')",
    RoleState.OFF: "{role} IS NOT NULL AND NOT list_contains(roles, '{role}')",
    RoleState.UNSURE: "list_contains(unsure_roles, '{role}')",
}
