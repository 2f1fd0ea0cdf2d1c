"""Reading CSV manifests; every error names the file, the line and what to do."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.vocabulary import Kind

BPM_RANGE: Final = (20.0, 400.0)


@dataclass(frozen=True)
class Row:
    """A line of a manifest: where it stands, its file as an absolute path, and its non-empty cells."""

    where: str
    path: Path
    cells: dict[str, str]

    def number(self, column: str) -> float | None:
        """A cell as a finite number, None if empty; raises UserError."""
        text = self.cells.get(column)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise UserError(
                f"{self.where}: {column} is {text!r}, not a number; correct the line or leave the cell empty"
            )
        return value

    def bpm(self) -> float | None:
        """The tempo in beats per minute, None if empty; raises UserError outside 20 to 400."""
        bpm = self.number("bpm")
        if bpm is not None and not BPM_RANGE[0] <= bpm <= BPM_RANGE[1]:
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
        """Loop or track, None if empty; raises UserError for another word."""
        text = self.cells.get("kind")
        if text is None:
            return None
        if text not in [kind.value for kind in Kind]:
            raise UserError(f"{self.where}: kind is {text!r}; write loop or track, or leave the cell empty")
        return Kind(text)


def read_manifest(manifest: Path) -> Iterator[Row]:
    """The rows of a CSV with a `path` column; relative paths are taken from the manifest's folder.

    Raises UserError if the file is missing, is not UTF-8 text, has no `path` column, or a line has no path.
    """
    try:
        file = manifest.open(newline="", encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"cannot read the manifest {manifest}: {error.strerror}") from error
    with file:
        try:
            reader = csv.DictReader(file)
            if "path" not in (reader.fieldnames or ()):
                raise UserError(
                    f"{manifest} has no column 'path'; its first line must name the columns, path among them"
                )
            for cells in reader:
                where = f"{manifest}, line {reader.line_num}"
                filled = {name: cell.strip() for name, cell in cells.items() if name and cell and cell.strip()}
                if "path" not in filled:
                    raise UserError(f"{where}: no path; fill the cell or delete the line")
                yield Row(where, absolute(manifest.parent / filled.pop("path")), filled)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{manifest} is not a CSV file in UTF-8: {error}") from error


def absolute(path: Path) -> Path:
    """An absolute path without `.` and `..`; links are kept as they are."""
    # Path.resolve would follow links; the catalogue keeps the names that people gave.
    return Path(os.path.abspath(path))  # noqa: PTH100
