"""Reading compositions with ground truth: audio, tempo, and the roles of every four bars."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from storage.errors import UserError
from storage.paths import absolute, path_text
from storage.vocabulary import ROLES
from tasks.audio.library import Walk, is_audio
from tasks.metadata.csv_tables import number, read_table
from tasks.metadata.tempo_text import BPM_RANGE
from tasks.metadata.text_files import read_json

_TRUTH: Final = "truth.csv"
_TOLD: Final = (1.0, 0.0, -1.0)


@dataclass(frozen=True)
class Composition:
    """A track with its truth (segments, roles): 1 on, 0 off, -1 unknown; beats per minute.

    `sections` has a word for every four bars where somebody says what they are, and is empty elsewhere. `key` is as
    written.
    """

    name: str
    audio: Path
    bpm: float
    truth: NDArray[np.float32]
    title: str = ""
    author: str | None = None
    licence: str = "unspecified"
    sections: tuple[str, ...] = ()
    key: str | None = None


class _Info(BaseModel):
    """What is taken from an `info.json`; it may say more."""

    bpm: float = Field(ge=BPM_RANGE[0], le=BPM_RANGE[1], allow_inf_nan=False)
    title: str | None = None
    author: str | None = None
    licence: str | None = None
    sections: list[str] | None = None
    key: str | None = None


def has_compositions(folder: Path) -> bool:
    """Whether a folder holds compositions with their truth."""
    return any(_TRUTH in names for _, names in Walk([folder]).folders())


def read_compositions(folder: Path) -> list[Composition]:
    """The compositions below `folder`: each a folder with `mix.*`, `truth.csv` and an `info.json` that names the bpm.

    `truth.csv` has one line per four bars from t = 0 and one column per role. They come by name. The audio is not read.
    Raises UserError if there is none, or naming the file, and the line or field, that is wrong.
    """
    walk = Walk([folder])
    root = absolute(folder)
    found = [_composition(root, Path(below)) for below, names in walk.folders() if _TRUTH in names]
    for unlisted, reason in walk.omissions.unlisted.items():
        raise UserError(f"{unlisted} cannot be listed: {reason}; change its permissions, or move it elsewhere")
    if not found:
        raise UserError(f"no {_TRUTH} below {path_text(folder)}; name a folder of compositions with their truth")
    return sorted(found, key=lambda composition: composition.name)


def _composition(root: Path, folder: Path) -> Composition:
    # Listed anew: the walk leaves out links to what it finds elsewhere, and the audio may be such a link.
    audio = next((path for path in sorted(folder.glob("mix.*")) if is_audio(path.name)), None)
    if audio is None:
        raise UserError(f"{path_text(folder)} has a {_TRUTH} and no mix.*; put the audio beside it")
    info = read_json(folder / "info.json", _Info, "description")
    below = folder.relative_to(root)
    return Composition(
        name=path_text(below if below.name else folder.name),
        audio=audio,
        bpm=info.bpm,
        truth=np.array(list(_truth(folder / _TRUTH)), np.float32).reshape(-1, len(ROLES)),
        title=info.title or "",
        author=info.author,
        licence=info.licence or "unspecified",
        sections=tuple(info.sections or ()),
        key=info.key,
    )


def _truth(path: Path) -> Iterator[list[float]]:
    for where, cells in read_table(path, "truth", ROLES):
        values = [number(cells.get(role, "")) for role in ROLES]
        for role, value in zip(ROLES, values, strict=True):
            if value not in _TOLD:
                told = cells.get(role, "")
                raise UserError(f"{where}: {role} is {told!r}; write 1 for on, 0 for off, -1 for unknown")
        yield [float(value) for value in values if value is not None]
