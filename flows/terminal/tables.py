"""Printing answers on stdout: a table for people, CSV or JSON for programs."""

import csv
import json
import math
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from flows.terminal.fitting import fitted
from flows.terminal.streams import say, shows_unicode
from flows.terminal.text import printable
from storage.paths import path_text


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]], style: Format) -> None:
    """Print rows; CSV and JSON with full precision, the table shortened for reading."""
    if style is Format.JSON:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif style is Format.CSV:
        _print_csv([columns, *rows])
    else:
        _print_table(columns, rows)


def print_json(value: Any) -> None:
    """One JSON document, valid for every reader: what is no finite number is null, and so is NaN in a nested value."""
    print(json.dumps(_jsonable(value), ensure_ascii=not shows_unicode(), allow_nan=False, indent=1))


def _print_csv(rows: Sequence[Sequence[Any]]) -> None:
    plain = csv.writer(sys.stdout, lineterminator="\n")
    # The module quotes a line feed by itself, and a carriage return only where lines end with one.
    quoting = csv.writer(sys.stdout, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        (quoting if any("\r" in cell for cell in row if isinstance(cell, str)) else plain).writerow(row)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    cells = [[_shown(value) for value in row] for row in rows]
    if sys.stdout.isatty() and shows_unicode():
        cells = fitted(columns, cells, shutil.get_terminal_size().columns)
    widths = [max(len(column), *(len(row[place]) for row in cells), 0) for place, column in enumerate(columns)]
    numeric = [
        bool(rows) and all(isinstance(row[place], int | float | type(None)) for row in rows)
        for place in range(len(columns))
    ]
    for line in (list(columns), ["-" * width for width in widths], *cells):
        parts = [
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ]
        print("  ".join(parts).rstrip())
    sys.stdout.flush()
    say(f"({len(rows)} row{'' if len(rows) == 1 else 's'})")


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return printable(str(value))


def _jsonable(value: Any) -> Any:
    """The same in what JSON knows: objects, arrays, text, finite numbers, true, false and null."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Real | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(_jsonable(key)): _jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_jsonable(one) for one in value]
    if isinstance(value, date | time):
        return value.isoformat()
    return path_text(value) if isinstance(value, Path) else str(value)
