"""Printing answers on stdout: a table for people, CSV or JSON for programs."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any


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
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        _print_table(columns, rows)


def print_json(value: Any) -> None:
    """One JSON document."""
    print(json.dumps(value, ensure_ascii=False, indent=1, default=_plain))


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    cells = [[_shown(value) for value in row] for row in rows]
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
    print(f"({len(rows)} row{'' if len(rows) == 1 else 's'})", file=sys.stderr)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return str(value).replace("\n", "\\n")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
