r"""Paths as text: any name that a disk can hold, written in UTF-8, and the path that such a text stands for.

A name on a disk is bytes; databases, JSON and terminals want text. Bytes that are not UTF-8 are written as `\xe9`, so a
Latin-1 name reads `H\xe9mo.wav`. A backslash that would read as the beginning of such a byte is written as `\x5c`; all
other names stay as they are.
"""

import os
import re
from pathlib import Path
from typing import Final

_BYTE: Final = r"x(?:5c|[89a-f][0-9a-f])"
_UNCLEAR: Final = re.compile(rf"[\udc80-\udcff]|\\(?={_BYTE})")
_WRITTEN: Final = re.compile(rf"\\{_BYTE}")
_BACKSLASH: Final = "\\"


def path_text(path: str | Path) -> str:
    r"""A path as text that any UTF-8 store holds; `path_of` gives the same path back.

    >>> path_text(os.fsdecode(b"/loops/H\xe9mo.wav"))
    '/loops/H\\xe9mo.wav'
    """
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    return text if text.isascii() and _BACKSLASH not in text else _UNCLEAR.sub(_write, text)


def path_of(text: str) -> Path:
    r"""The path that a text of `path_text` stands for.

    >>> os.fsencode(path_of(r"/loops/H\xe9mo.wav"))
    b'/loops/H\xe9mo.wav'
    """
    if _BACKSLASH in text:
        text = _WRITTEN.sub(_read, text)
    return Path(os.fsdecode(text.encode("utf-8", "surrogateescape")))


def named_path(word: str) -> Path:
    """The path that a person names: as it stands, or as `path_text` writes it where nothing of that name is there."""
    return Path(word) if os.path.lexists(word) else path_of(word)


def absolute(path: Path) -> Path:
    """An absolute path without `.` and `..`; links are kept as they are."""
    # Path.resolve would follow links; the catalogue keeps the names that people gave.
    return Path(os.path.abspath(path))  # noqa: PTH100


def _write(unclear: re.Match[str]) -> str:
    return rf"\x{ord(unclear[0]) & 0xFF:02x}"


def _read(written: re.Match[str]) -> str:
    byte = int(written[0][2:], 16)
    return chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
