"""CSV tables as people save them: any separator, any line ends, every row with the place where it stands."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.paths import path_text
from tasks.metadata.text_files import read_text

Cells = dict[str, str]

_SEPARATORS: Final = (",", ";", "\t", "|")
_DECLARED: Final = re.compile(r'"?sep=(.)"?(\r\n|\r|\n)', re.IGNORECASE)
"""The first line by which Excel tells itself what separates the cells."""

_NUMBER: Final = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)


def read_table(path: Path, what: str, columns: Sequence[str]) -> Iterator[tuple[str, Cells]]:
    """The rows of a CSV that has at least these columns: where each stands, and its cells that are not empty.

    The separator is the one that a first line `sep=;` names, else the comma, semicolon, tab or bar that gives the
    columns. Names of columns are read without regard to case. Empty rows are left out. Raises UserError if the file
    cannot be read or lacks a column, and naming the line where a quote is never closed or where cells are too many.
    """
    text = read_text(path, what)
    declared = _DECLARED.match(text)
    start, skipped = (declared.end(), 1) if declared else (0, 0)
    headers = {one: _names(text[start:], one) for one in ((declared[1],) if declared else _SEPARATORS)}
    separator = max(headers, key=lambda one: len(set(columns) & set(headers[one])))
    names = headers[separator]
    for name in columns:
        if name not in names:
            raise UserError(
                f"{path_text(path)} has no column {name!r}; its first line must name the columns, {', '.join(columns)} "
                "among them, separated by commas, semicolons or tabs"
            )
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        raise UserError(f"{path_text(path)} has two columns {twice[0]!r}; rename or delete one")
    for where, cells in islice(_rows(path, text[start:], separator, skipped), 1, None):
        if any(cells[len(names) :]):
            raise UserError(
                f"{where}: {len(cells)} cells, but the first line names {len(names)} columns; "
                f"put a cell that holds {separator!r} in quotes"
            )
        yield where, {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}


def number(text: str) -> float | None:
    """A finite number as people write it, with a point or a decimal comma; None if it is none.

    >>> number("127,5"), number("1.2e2"), number("nan"), number("1_000")
    (127.5, 120.0, None, None)
    """
    if _NUMBER.fullmatch(text) is None:
        return None
    value = float(text.replace(",", "."))
    return value if abs(value) < float("inf") else None


def _names(text: str, separator: str) -> list[str]:
    """The names of the columns, if this separates them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        return next(([cell.strip().lower() for cell in cells] for cells in reader if any(map(str.strip, cells))), [])
    except csv.Error:
        return []


def _rows(path: Path, text: str, separator: str, skipped: int) -> Iterator[tuple[str, list[str]]]:
    """Where each row begins, and its cells without the spaces around them; rows of nothing are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    line = skipped + 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield f"{path_text(path)}, line {line}", stripped
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{path_text(path)}, line {line}: is not CSV: {error}; look at its quotes") from error
