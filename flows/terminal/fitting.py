"""Fitting a table to a terminal: digests are cut short, paths lose their middle, other text its end."""

import re
from collections.abc import Sequence
from typing import Final

_DIGEST: Final = re.compile(r"[0-9a-f]{32,}")
_DIGEST_SHOWN: Final = 12
_NARROWEST: Final = 12
_GAP: Final = 2
_CUT: Final = "…"


def fitted(columns: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """The cells of a table with these columns, shortened as far as it needs to stay within `width` characters.

    The widest columns give way first, none below twelve characters; a table of very many columns stays wider.
    """
    rows = [[_short_digest(cell) for cell in row] for row in cells]
    widths = [max(len(name), *(len(row[place]) for row in rows), 0) for place, name in enumerate(columns)]
    least = [max(len(name), _NARROWEST) for name in columns]
    while sum(widths) + _GAP * (len(widths) - 1) > width:
        place = max(range(len(widths)), key=lambda one: widths[one] - least[one])
        if widths[place] <= least[place]:
            break
        widths[place] -= 1
    return [[shortened(cell, most) for cell, most in zip(row, widths, strict=True)] for row in rows]


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: of a path the middle is left out, of any other text the end.

    >>> shortened("/music/a/long/way/track.mp3", 18), shortened("a long sentence", 8)
    ('/music…/track.mp3', 'a long …')
    """
    if len(text) <= most:
        return text
    folder, slash, name = text.rpartition("/")
    if slash and len(name) + 3 <= most:
        return f"{folder[: most - len(name) - 2]}{_CUT}/{name}"
    if slash:
        half = (most - 1) // 2
        return f"{text[:half]}{_CUT}{text[len(text) - (most - 1 - half) :]}"
    return text[: most - 1] + _CUT


def _short_digest(cell: str) -> str:
    return cell[:_DIGEST_SHOWN] + _CUT if _DIGEST.fullmatch(cell) else cell
