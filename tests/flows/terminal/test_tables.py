"""Answers for programs and people, whatever the values and whatever the terminal."""

import csv
import io
import json
import sys
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flows.terminal.streams import prepare_streams
from flows.terminal.tables import Format, print_json, print_rows

NAMES = ["Ελλάδα 🥁.wav", "café.wav", "plain.wav"]

Printed = Callable[[str, Callable[[], None]], bytes]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> Printed:
    """The bytes that something prints on a stdout of an encoding."""

    def run(encoding: str, action: Callable[[], None]) -> bytes:
        held = io.BytesIO()
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(held, encoding=encoding, newline=""))
        prepare_streams()
        action()
        sys.stdout.flush()
        return held.getvalue()

    return run


def strict(text: str) -> Any:
    """JSON as its standard has it: without NaN."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_valid_whatever_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(
        {
            "nan": float("nan"),
            "nested": [float("inf"), {"a": np.float32("-inf"), "b": (1.5, np.int64(3))}],
            "decimal": Decimal("12.5"),
            "when": [datetime(2026, 1, 2, 3), date(2026, 1, 2), time(3, 4)],
            "bytes": b"a",
            "path": Path("/a/b.wav"),
            "surrogate": "H\udce9mo",
            1: True,
            (1, 2): None,
        }
    )
    assert strict(capsys.readouterr().out) == {
        "nan": None,
        "nested": [None, {"a": None, "b": [1.5, 3]}],
        "decimal": 12.5,
        "when": ["2026-01-02T03:00:00", "2026-01-02", "03:04:00"],
        "bytes": "b'a'",
        "path": "/a/b.wav",
        "surrogate": r"H\udce9mo",
        "1": True,
        "[1, 2]": None,
    }


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8", "utf-16"])
def test_json_says_the_same_on_any_terminal(printed: Printed, encoding: str) -> None:
    assert strict(printed(encoding, lambda: print_json(NAMES)).decode(encoding)) == NAMES


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("ascii", [r"\u0395\u03bb\u03bb\u03ac\u03b4\u03b1 \U0001f941.wav", r"caf\xe9.wav", "plain.wav"]),
        ("latin-1", [r"\u0395\u03bb\u03bb\u03ac\u03b4\u03b1 \U0001f941.wav", "café.wav", "plain.wav"]),
        ("utf-8", NAMES),
    ],
)
@pytest.mark.parametrize("style", [Format.CSV, Format.TABLE])
def test_what_a_terminal_cannot_show_is_escaped_and_takes_no_other_row_with_it(
    printed: Printed, encoding: str, names: list[str], style: Format
) -> None:
    text = printed(encoding, lambda: print_rows(["path"], [[name] for name in NAMES], style)).decode(encoding)
    assert [line.strip() for line in text.splitlines() if line.endswith(".wav")] == names


def test_a_table_shows_a_row_in_a_line_and_lets_no_name_command_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(["path"], [["a\nb\r\tc\x1b[31m\u2028.wav"]], Format.TABLE)
    assert capsys.readouterr().out.splitlines()[2:] == [r"a\nb\r\tc\x1b[31m\u2028.wav"]


def test_csv_quotes_what_breaks_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["a\nb.wav", 'say "hi", you.wav', "c\rd.wav"]
    print_rows(["path"], [[name] for name in names], Format.CSV)
    assert [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out, newline=""))] == ["path", *names]
