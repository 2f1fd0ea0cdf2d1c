"""Tempi as people and programs write them into a field that is meant for them, and which numbers can be one."""

import re
from typing import Final

from storage.errors import UserError

BPM_RANGE: Final = (20.0, 400.0)
"""What lies outside is no tempo of music, in beats per minute."""

BpmRange = tuple[float, float]
"""The lowest and the highest tempo, in beats per minute, that somebody writes down."""

_WITH_UNIT: Final = re.compile(r"(?<![\d.,-])(\d{1,3}(?:[.,]\d+)?)\s*bpm(?![a-z])", re.IGNORECASE)
_RANGE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)")
_ONE_NUMBER: Final = re.compile(r"[^\d-]*(\d{1,3}(?:[.,]\d+)?)\D*")


def is_tempo(bpm: float) -> bool:
    """Whether a number can be the tempo of music."""
    return BPM_RANGE[0] <= bpm <= BPM_RANGE[1]


def parse_bpm_range(text: str) -> BpmRange:
    """A range of tempi as it is written on a command line, `90-180`; raises UserError for anything else."""
    match = _RANGE.fullmatch(text.strip())
    low, high = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not (is_tempo(low) and is_tempo(high) and low < high):
        raise UserError(f"{text!r} is no range of tempi; write two between 20 and 400, such as 90-180")
    return low, high


def parse_bpm(text: str) -> float | None:
    """The tempo that a tag states, in beats per minute: `128`, `128,5`, `128.00 BPM`, `ca. 128`.

    Of several numbers the one with the unit counts; otherwise a range such as `120-128` names none. What is outside 20
    to 400 is no tempo.

    >>> parse_bpm("128,5 bpm")
    128.5
    """
    numbers = _WITH_UNIT.findall(text)
    if not numbers and (match := _ONE_NUMBER.fullmatch(text.strip())):
        numbers = [match[1]]
    if len(numbers) != 1:
        return None
    bpm = float(numbers[0].replace(",", "."))
    return bpm if is_tempo(bpm) else None
