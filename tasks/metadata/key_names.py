"""Parsing key names such as `F# minor` and codes such as `8A`, and the semitones between two keys."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from storage.vocabulary import KeySource

TONICS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

NamedKey = tuple[str | None, str | None]
"""A tonic spelt with sharps and a mode, `major` or `minor`; the mode alone may be None, or both are."""


@dataclass(frozen=True)
class Key:
    """A tonic, a mode (None where nobody said), who said so, and a confidence of 0..1."""

    key: str
    mode: str | None
    source: KeySource
    confidence: float


_SEMITONES: Final = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11, "h": 11}
_SIGNS: Final = {"": 0, "#": 1, "♯": 1, "sharp": 1, "b": -1, "♭": -1, "flat": -1}
_KEY: Final = re.compile(r"([a-h])\s*(#|♯|b|♭|sharp|flat)?[\s_-]*(major|maj|minor|min|m)?", re.IGNORECASE)
_GERMAN: Final = re.compile(r"([a-h])(is|es|s)?[ _-]*(dur|moll)", re.IGNORECASE)
_CAMELOT: Final = re.compile(r"0?([1-9]|1[0-2])([ab])", re.IGNORECASE)
_OPEN_KEY: Final = re.compile(r"0?([1-9]|1[0-2])([md])", re.IGNORECASE)
_TUNING: Final = re.compile(r"\s*[+-]\s*\d{1,3}(?:\.\d+)?\s*(?:%|c|ct|cents?)?\s*$", re.IGNORECASE)
_BETWEEN_FORMS: Final = re.compile(
    r"\s*[/|,;()\[\]]\s*|\s+[-–]\s+|\s+(?=\d{1,2}[abmd]\b)|(?<=\d[abmd])\s+", re.IGNORECASE
)
_FIFTH: Final = 7


def parse_key(text: str) -> NamedKey:
    """Tonic and mode of a key as tags and manifests have it; both None for anything else.

    | form                            | examples                             | read as                               |
    | ------------------------------- | ------------------------------------ | ------------------------------------- |
    | letter, sign, mode              | `Am`, `C# minor`, `B flat`, `A♭ min` | as it is; `B` is the note under C     |
    | German, with its mode           | `fis-moll`, `Es-Dur`, `B-Dur`        | F# minor, D# major; this `B` is B flat |
    | `H`                             | `H`, `Hm`                            | the note under C                      |
    | Camelot wheel                   | `8A`, `08B`                          | A minor, C major                      |
    | Open Key                        | `1m`, `6d`                           | A minor, B major                      |
    | several forms, one key          | `8A - Am`, `Am/8A`, `Gbm/F#m`        | the key that all of them name         |
    | a tuning behind it              | `A#m +50`, `Am -12 cents`            | the key                               |

    >>> parse_key("B flat minor"), parse_key("8A - Am")
    (('A#', 'minor'), ('A', 'minor'))
    """
    whole = _one_form(text.strip())
    return whole if whole[0] else _agreed(_one_form(part) for part in _BETWEEN_FORMS.split(text.strip()))


def parse_key_code(text: str) -> NamedKey:
    """The key of a code of the Camelot wheel (`8A`) or of Open Key (`1m`) alone; both None for anything else."""
    if match := _CAMELOT.fullmatch(text):
        return _on_the_wheel(int(match[1]) - 8, minor=match[2].lower() == "a")
    if match := _OPEN_KEY.fullmatch(text):
        return _on_the_wheel(int(match[1]) - 1, minor=match[2].lower() == "m")
    return None, None


def _one_form(text: str) -> NamedKey:
    readers: tuple[Callable[[str], NamedKey], ...] = (_plain, _german, parse_key_code)
    untuned = _TUNING.sub("", text)
    return next((key for reader in readers if (key := reader(untuned))[0]), (None, None))


def _plain(text: str) -> NamedKey:
    match = _KEY.fullmatch(text)
    if match is None:
        return None, None
    letter, sign, mode = match.groups()
    return TONICS[(_SEMITONES[letter.lower()] + _SIGNS[(sign or "").lower()]) % 12], _mode(mode)


def _german(text: str) -> NamedKey:
    match = _GERMAN.fullmatch(text)
    if match is None:
        return None, None
    letter, sign, mode = (part.lower() for part in match.groups(default=""))
    semitone = 10 if letter == "b" else _SEMITONES[letter]
    shift = {"": 0, "is": 1, "es": -1, "s": -1}[sign]
    return TONICS[(semitone + shift) % 12], "major" if mode == "dur" else "minor"


def _on_the_wheel(fifths: int, *, minor: bool) -> NamedKey:
    """The key so many fifths above C major, or above A minor."""
    return TONICS[((9 if minor else 0) + _FIFTH * fifths) % 12], "minor" if minor else "major"


def _agreed(keys: Iterable[NamedKey]) -> NamedKey:
    """The one key that all who name a key mean; a form without a mode agrees with one that has it."""
    named = {key for key in keys if key[0]}
    tonics, modes = {tonic for tonic, _ in named}, {mode for _, mode in named if mode}
    return (tonics.pop(), modes.pop() if modes else None) if len(tonics) == 1 and len(modes) < 2 else (None, None)


def _mode(word: str | None) -> str | None:
    if word is None:
        return None
    return "major" if word == "M" or word.lower().startswith("maj") else "minor"


def note_set(key: str, mode: str | None) -> int:
    """The notes of a key as a number of 0..11: the tonic of the major key that has them, a minor key's relative."""
    return (TONICS.index(key) + (3 if mode == "minor" else 0)) % 12


def mixing_keys(key: str, mode: str) -> list[tuple[str, str]]:
    """The keys that mix with a key: itself, its relative, and its neighbours on the circle of fifths.

    >>> mixing_keys("A", "minor")
    [('A', 'minor'), ('C', 'major'), ('D', 'minor'), ('E', 'minor')]
    """
    tonic, minor = TONICS.index(key), mode == "minor"
    relative = TONICS[(tonic + (3 if minor else -3)) % 12]
    return [
        (key, mode),
        (relative, "major" if minor else "minor"),
        (TONICS[(tonic - _FIFTH) % 12], mode),
        (TONICS[(tonic + _FIFTH) % 12], mode),
    ]
