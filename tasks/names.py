"""What a file name says of its tempo."""

import re
from typing import Final

_WITH_UNIT: Final = re.compile(
    r"(?<![0-9.])(\d{2,3}(?:\.\d{1,3})?)[ _-]?bpm(?![a-z])|(?<![a-z])bpm[ _-]?(\d{2,3})(?!\d)", re.IGNORECASE
)
_BARE: Final = re.compile(r"(?<![^\s_()\[\]-])([1-9]\d{1,2})(?![^\s_()\[\]-])")

NAME_RANGE: Final = (60.0, 200.0)
"""A bare number in a name is taken for a tempo only inside this range, in beats per minute."""


def bpm_in_name(name: str) -> float | None:
    """The tempo in a file name: `Loop128bpm.wav`, `bpm 95.wav`, or a bare number between separators.

    A number with its unit wins. Bare numbers count only from 60 to 200, and only if the name holds exactly one:
    in `Kit_01_124_Am.wav` it is 124, in `take_64_128.wav` nobody knows.

    >>> bpm_in_name("Bass_Loop_124_Am.wav")
    124.0
    """
    stem = name.rsplit(".", 1)[0] if "." in name else name
    if match := _WITH_UNIT.search(stem):
        bpm = float(match.group(1) or match.group(2))
        return bpm if 20 <= bpm <= 400 else None
    bare = {float(number) for number in _BARE.findall(stem)}
    likely = [bpm for bpm in bare if NAME_RANGE[0] <= bpm <= NAME_RANGE[1]]
    return likely[0] if len(likely) == 1 else None
