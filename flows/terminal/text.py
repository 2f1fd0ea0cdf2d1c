"""Text for a line of a terminal: nothing in it breaks the line or commands the terminal."""

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def printable(text: str) -> str:
    r"""The text with what is no character of a line written as an escape, such as `\n`."""
    return text if text.isprintable() else _CONTROL.sub(_escaped, text)


def _escaped(control: re.Match[str]) -> str:
    return control[0].encode("unicode_escape").decode("ascii")
