"""A table fits the terminal: digests are short, paths keep their end, and nothing is cut that need not be."""

import io
import os

import pytest

from flows.terminal.fitting import fitted, shortened
from flows.terminal.tables import Format, print_rows

DIGEST = "0123456789abcdef" * 4
PATH = "/music/of/many/years/in/a/deep/folder/track.mp3"


def test_a_table_is_no_wider_than_the_terminal_and_names_of_files_stay() -> None:
    (row,) = fitted(["path", "bpm", "path_again"], [[PATH, "128", PATH]], 60)
    assert sum(map(len, row)) + 4 <= 60
    assert (row[0].endswith("…/track.mp3"), row[1]) == (True, "128")


def test_what_fits_stays_as_it_is_but_for_digests() -> None:
    assert fitted(["path", "hash"], [[PATH, DIGEST]], 80) == [[PATH, "0123456789ab…"]]


@pytest.mark.parametrize(
    ("text", "most", "short"),
    [
        (PATH, 24, "/music/of/man…/track.mp3"),
        ("/a/very-long-name-of-a-track.mp3", 13, "/a/ver…ck.mp3"),
        ("a long sentence", 8, "a long …"),
        ("short", 8, "short"),
    ],
)
def test_a_path_loses_its_middle_and_other_text_its_end(text: str, most: int, short: str) -> None:
    assert shortened(text, most) == short
    assert len(short) <= most


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("style", "whole"), [(Format.TABLE, False), (Format.CSV, True), (Format.JSON, True)])
def test_only_a_table_on_a_terminal_is_shortened(monkeypatch: pytest.MonkeyPatch, style: Format, whole: bool) -> None:
    terminal, pipe = Terminal(), io.StringIO()
    monkeypatch.setitem(os.environ, "COLUMNS", "40")
    for stream in (terminal, pipe):
        monkeypatch.setattr("sys.stdout", stream)
        print_rows(["path", "hash"], [[PATH, DIGEST]], style)
    assert (DIGEST in terminal.getvalue(), DIGEST in pipe.getvalue()) == (whole, True)
    assert style is not Format.TABLE or all(len(line) <= 40 for line in terminal.getvalue().splitlines())
