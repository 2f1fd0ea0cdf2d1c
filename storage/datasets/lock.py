"""The lock of a finished data set: what it was made from."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from storage.errors import UserError
from storage.loops.table import Loop
from storage.vocabulary import BARS_PER_SEGMENT

_KEPT_OF_A_LOOP: Final = tuple(field.name for field in fields(Loop) if field.name not in ("path", "extra"))


@dataclass(frozen=True)
class DatasetLock:
    """What a data set is made of: enough to make it again, and to notice if something is not the same.

    `mixes`, `singles` (loops of one role by themselves), `cuts` (four bars as composed, or that nobody labelled) and
    `oneshots` count the rows, `roles` the mixes that each role is in, and `balance` says how even they are; `loops` is
    all that is known of each loop but its path, with the SHA-256 of its file; `groups` maps each split to the groups it
    holds; `environment` names the libraries and the machine's instructions, whose change may change bytes; `shards`
    maps file names to digests.
    """

    name: str
    digest: str
    recipe: dict[str, Any]
    recipe_digest: str
    plan_digest: str
    mel: dict[str, Any]
    mel_digest: str
    render_version: int
    environment: dict[str, str]
    mixes: int
    singles: int
    cuts: int
    roles: dict[str, int]
    splits: dict[str, int]
    groups: dict[str, list[str]]
    balance: dict[str, Any]
    loops: list[dict[str, Any]]
    licences: list[dict[str, Any]]
    shards: dict[str, str]
    oneshots: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Frames and mels of a row."""
        return int(self.mel["frames_per_bar"]) * BARS_PER_SEGMENT, int(self.mel["mels"])

    def located(self, local: Iterable[Loop]) -> tuple[list[Loop], list[dict[str, Any]]]:
        """The loops of the lock, at the paths of `local` ones with the same bytes; and those that are missing."""
        paths = {(loop.loop_id, loop.sha256): (loop.path, loop.extra) for loop in local}
        there: list[Loop] = []
        missing: list[dict[str, Any]] = []
        for known in self.loops:
            found = paths.get((known["loop_id"], known["sha256"]))
            if found is None:
                missing.append(known)
            else:
                tuples = {name: tuple(known[name]) for name in ("roles", "unknown_roles", "flags")}
                there.append(Loop(**{**known, **tuples, "path": found[0], "extra": found[1]}))
        return there, missing


def loop_facts(loop: Loop) -> dict[str, Any]:
    """What a lock stores of a loop: everything but its path, and what no plan depends on."""
    return {name: getattr(loop, name) for name in _KEPT_OF_A_LOOP}


def read_lock_file(path: Path) -> DatasetLock:
    """A lock from any file; raises UserError if it cannot be read or is none."""
    try:
        return DatasetLock(**json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the lock {path}: {error.strerror}; name another dataset.lock") from error
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} is no dataset.lock of this version: {error}; build the data set again") from error


def dataset_digest(plan: str, mel: str, render_version: int, shards: dict[str, str]) -> str:
    """One digest for the whole set: its plan, its mel configuration and the bytes of its shards."""
    text = json.dumps([plan, mel, render_version, sorted(shards.items())])
    return hashlib.sha256(text.encode()).hexdigest()
