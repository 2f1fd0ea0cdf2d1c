"""Reading CSV manifests; every error names the file, the line and what to do."""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.paths import absolute, path_of, path_text
from storage.urls import is_url, name_in, place_text
from storage.vocabulary import ROLES, Kind
from tasks.metadata.csv_tables import number, read_table
from tasks.metadata.tempo_text import BPM_RANGE, is_tempo

_WINDOWS: Final = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_BETWEEN_ROLES: Final = re.compile(r"[;,|/\s]+")

Names = Callable[[Path], dict[str, str]]
"""The names in a folder, by their composed Unicode form."""


@dataclass(frozen=True)
class Row:
    """A line of a manifest: where it stands, its file as an absolute path, and its non-empty cells.

    A file that is listed by `url` has a path of nothing but its name.
    """

    where: str
    path: Path
    cells: dict[str, str]
    url: str | None = None

    @property
    def place(self) -> str:
        """The file as the catalogue names it: its URL, or its path as text."""
        return self.url or path_text(self.path)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    def number(self, column: str) -> float | None:
        """A cell as a finite number, None if empty; raises UserError."""
        text = self.cells.get(column)
        if text is None:
            return None
        value = number(text)
        if value is None:
            raise UserError(
                f"{self.where}: {column} is {text!r}, not a number; correct the line or leave the cell empty"
            )
        return value

    def bpm(self) -> float | None:
        """The tempo in beats per minute, None if empty; raises UserError outside 20 to 400."""
        bpm = self.number("bpm")
        if bpm is not None and not is_tempo(bpm):
            raise UserError(
                f"{self.where}: bpm is {bpm:g}, outside {BPM_RANGE[0]:g} to {BPM_RANGE[1]:g}; correct the line"
            )
        return bpm

    def first_downbeat_s(self) -> float | None:
        """Seconds of the first downbeat, None if empty; raises UserError if negative."""
        seconds = self.number("first_downbeat_s")
        if seconds is not None and seconds < 0:
            raise UserError(f"{self.where}: first_downbeat_s is {seconds:g}; it is counted from the start of the file")
        return seconds

    def kind(self) -> Kind | None:
        """Loop, track or one-shot, None if empty; raises UserError for another word."""
        text = self.cells.get("kind")
        if text is None:
            return None
        if text not in [kind.value for kind in Kind]:
            raise UserError(f"{self.where}: kind is {text!r}; write loop, track or oneshot, or leave it empty")
        return Kind(text)

    def roles(self) -> tuple[str, ...]:
        """The roles of the cell `roles`, in the vocabulary's order; raises UserError for a word that is none."""
        named = [word.lower() for word in _BETWEEN_ROLES.split(self.cells.get("roles", "")) if word]
        for word in named:
            if word not in ROLES:
                raise UserError(f"{self.where}: no role {word!r}; the roles are {', '.join(ROLES)}, separated by ';'")
        return tuple(role for role in ROLES if role in named)


def read_manifest(manifest: Path) -> Iterator[Row]:
    """The rows of a CSV with a `path` column; relative paths are taken from the manifest's folder.

    A path is found with backslashes for slashes, in the other Unicode form of its letters, and as `path_text` has it.
    Raises UserError if the file cannot be read, lacks the column, or naming a line without a path, with a path of
    Windows, with a URL, or with one that stood in a line before.
    """
    for row in read_listing(manifest, path_text(manifest.parent)):
        if row.url is not None:
            raise UserError(f"{row.where}: {row.url} is a URL; only rolecall label takes them in a manifest")
        yield row


def read_listing(manifest: Path, folder: str) -> Iterator[Row]:
    """As `read_manifest`, of files on this machine and at URLs; relative paths are taken from a folder, itself either.

    Raises UserError as `read_manifest` does, and for a URL that cannot be kept.
    """
    listed: set[str] = set()
    names = cache(_names_in)
    for where, cells in read_table(manifest, "manifest", ("path",)):
        if "path" not in cells:
            raise UserError(f"{where}: no path; fill the cell or delete the line")
        told = cells.pop("path")
        if _WINDOWS.match(told):
            raise UserError(f"{where}: {told} is a path of Windows; write it as this machine does, with /")
        place = _resolved(where, folder, told) if is_url(told) or is_url(folder) else None
        if place is None:
            row = Row(where, _located(path_of(folder), told, names), cells)
        elif is_url(place):
            row = Row(where, Path(name_in(place)), cells, place)
        else:
            row = Row(where, path_of(place), cells)
        if row.place in listed:
            raise UserError(f"{where}: {row.place} is listed twice; keep one of the lines")
        listed.add(row.place)
        yield row


def _resolved(where: str, folder: str, told: str) -> str:
    """The place that a URL in a cell names, or the path in a cell from the URL of a folder on."""
    try:
        return place_text(told if is_url(told) else f"{folder}/{told.replace(chr(92), '/').removeprefix('./')}")
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def _located(folder: Path, told: str, names: Names) -> Path:
    """The file that a cell names, however it is written; where there is none, as it stands, with slashes."""
    if told.isascii() and "\\" not in told:
        return absolute(folder / told)
    slashed = told.replace("\\", "/")
    for spelled in dict.fromkeys((told, slashed)):
        found = _as_on_disk(absolute(folder / spelled), names)
        if found is not None:
            return found
    escaped = absolute(folder / path_of(told))
    return escaped if os.path.lexists(escaped) else absolute(folder / slashed)


def _as_on_disk(path: Path, names: Names) -> Path | None:
    """The path with its names as the disk has them, composed or decomposed; None if nothing is there."""
    if os.path.lexists(path) or path == path.parent:
        return path
    parent = _as_on_disk(path.parent, names)
    name = None if parent is None else names(parent).get(unicodedata.normalize("NFC", path.name))
    return parent / name if parent is not None and name is not None else None


def _names_in(folder: Path) -> dict[str, str]:
    try:
        return {unicodedata.normalize("NFC", name): name for name in os.listdir(folder)}  # noqa: PTH208
    except OSError:
        return {}
