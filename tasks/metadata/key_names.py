"""Parsing key names such as `F# minor`, and the semitones between two keys."""

import re
from typing import Final

TONICS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

_FLATS: Final = {"Cb": "B", "Db": "C#", "Eb": "D#", "Fb": "E", "Gb": "F#", "Ab": "G#", "Bb": "A#", "E#": "F", "B#": "C"}
_KEY: Final = re.compile(r"^\s*([a-g])\s*(#|♯|b|♭|sharp|flat)?\s*(major|maj|minor|min|m)?\s*$", re.IGNORECASE)


def parse_key(text: str) -> tuple[str | None, str | None]:
    """Tonic and mode of a key such as `C# minor`, `Bb`, `B flat`, `Am`; both None for anything else.

    The tonic is spelt with sharps; the mode is `major`, `minor`, or None where the text does not say.

    >>> parse_key("B flat minor")
    ('A#', 'minor')
    """
    match = _KEY.match(text)
    if match is None:
        return None, None
    letter, accidental, mode = match.groups()
    sign = {"#": "#", "♯": "#", "sharp": "#", "b": "b", "♭": "b", "flat": "b"}.get((accidental or "").lower(), "")
    name = letter.upper() + sign
    return _FLATS.get(name, name), _mode(mode)


def _mode(word: str | None) -> str | None:
    if word is None:
        return None
    return "major" if word == "M" or word.lower().startswith("maj") else "minor"


def semitones_between(key: str, mode: str | None, target_key: str, target_mode: str | None) -> int:
    """Smallest transposition (-6 to 6 semitones) that transposes one key to another or onto its relative.

    A minor key and the major key three semitones above it share their notes, so they match each other.
    """
    distance = note_set(target_key, target_mode) - note_set(key, mode)
    return (distance + 6) % 12 - 6


def note_set(key: str, mode: str | None) -> int:
    """The notes of a key as a number of 0..11: the tonic of the major key that has them, a minor key's relative."""
    return (TONICS.index(key) + (3 if mode == "minor" else 0)) % 12
