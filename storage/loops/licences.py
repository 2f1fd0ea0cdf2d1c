"""Parsing licence texts, and sorting them into classes by what they ask for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class LicenceClass(StrEnum):
    """What a licence asks for, from the least to the most; the licence's own text is always kept beside it.

    `by-nc` is every licence that forbids commercial use, BY-NC-SA and BY-NC-ND among them; `other` is any text
    that is none of the rest; `unspecified` is no text: usable here, left out of anything published.
    """

    CC0 = "cc0"
    BY = "by"
    BY_SA = "by-sa"
    BY_NC = "by-nc"
    SAMPLING = "sampling+"
    OTHER = "other"
    UNSPECIFIED = "unspecified"


FREESOUND_CLASSES: Final = (LicenceClass.CC0, LicenceClass.BY, LicenceClass.BY_NC, LicenceClass.SAMPLING)
"""The classes that Freesound gives its sounds; a licence of another class there is refused."""

NONCOMMERCIAL: Final = (LicenceClass.BY_NC, LicenceClass.SAMPLING)
"""Classes that forbid commercial use, or allow it only to some; they are left out together."""

_NAMES: Final = {
    LicenceClass.CC0: "Creative Commons 0",
    LicenceClass.BY: "Attribution",
    LicenceClass.BY_NC: "Attribution NonCommercial",
    LicenceClass.SAMPLING: "Sampling+",
}
_DEEDS: Final = {
    LicenceClass.CC0: "publicdomain/zero",
    LicenceClass.BY: "licenses/by",
    LicenceClass.BY_NC: "licenses/by-nc",
    LicenceClass.SAMPLING: "licenses/sampling+",
}
_FIRST_VERSIONS: Final = {LicenceClass.CC0: "1.0", LicenceClass.SAMPLING: "1.0"}

_WORD: Final = re.compile(r"\d+\.\d+|\d+|sampling ?(?:\+|%2b|plus)|[^\W\d_]+|\+")
_FILLING: Final = frozenset(
    [
        "http",
        "https",
        "www",
        "creativecommons",
        "org",
        "licenses",
        "licences",
        "license",
        "licence",
        "publicdomain",
        "public",
        "domain",
        "dedication",
        "deed",
        "legalcode",
        "creative",
        "commons",
        "cc",
        "v",
        "en",
        "international",
        "unported",
        "generic",
        "universal",
    ]
)
_MARKS: Final = {
    "by": "by", "attribution": "by", "nc": "nc", "noncommercial": "nc", "non": "nc", "commercial": "nc",
    "sa": "sa", "sharealike": "sa", "share": "sa", "alike": "sa",
    "nd": "nd", "noderivatives": "nd", "noderivs": "nd", "zero": "zero", "0": "zero",
}  # fmt: skip
_FORBIDS_COMMERCE: Final = re.compile(r"non[\s-]?commercial|no commercial|not for commercial", re.IGNORECASE)


@dataclass(frozen=True)
class Licence:
    """A licence that was recognised: its class, and the version if the text names one, such as `4.0`."""

    kind: LicenceClass
    version: str | None

    @property
    def name(self) -> str:
        """The name that Freesound prints, with the version where it has several: `Attribution 4.0`."""
        words = _NAMES.get(self.kind, self.kind.value)
        return f"{words} {self.version}" if self.version and self.kind not in _FIRST_VERSIONS else words

    @property
    def url(self) -> str | None:
        """The address of the deed; None where the class or the version has none."""
        version = self.version or _FIRST_VERSIONS.get(self.kind)
        if version is None or self.kind not in _DEEDS:
            return None
        return f"https://creativecommons.org/{_DEEDS[self.kind]}/{version}/"


def parse_licence(text: str) -> Licence | None:
    """A Creative Commons licence from its deed's address or its name, whole; None for anything else.

    A text with a word that no such licence has is none: `by-sa 4.0` is one, `by my friend 4.0` is not.

    >>> parse_licence("http://creativecommons.org/licenses/by-nc/3.0/").name
    'Attribution NonCommercial 3.0'
    """
    marks, version = _read(text)
    kind = _kind(marks)
    return None if kind is None else Licence(kind, version)


def _read(text: str) -> tuple[frozenset[str], str | None]:
    """The marks of a licence (by, nc, sa, nd, zero, sampling) and its version; no marks if a word is strange."""
    marks: set[str] = set()
    version: str | None = None
    for word in _WORD.findall(text.lower()):
        if re.fullmatch(r"sampling ?(\+|%2b|plus)", word):
            marks.add("sampling")
        elif word in _MARKS:
            marks.add(_MARKS[word])
        elif re.fullmatch(r"[1-4]\.[05]", word) and version is None:
            version = word
        elif word not in _FILLING:
            return frozenset(), None
    return frozenset(marks), version


def _kind(marks: frozenset[str]) -> LicenceClass | None:
    if "by" in marks and "nc" in marks and not marks & {"sampling", "zero"}:
        return LicenceClass.BY_NC
    alone = {
        frozenset({"zero"}): LicenceClass.CC0,
        frozenset({"by"}): LicenceClass.BY,
        frozenset({"by", "sa"}): LicenceClass.BY_SA,
        frozenset({"sampling"}): LicenceClass.SAMPLING,
    }
    return alone.get(marks)


def classify(text: str) -> LicenceClass:
    """The class of any licence text; never raises, so that the text can be kept whatever it says.

    >>> classify("CC BY-SA 4.0").value, classify("ask the label").value
    ('by-sa', 'other')
    """
    if text.strip().lower() in ("", "unspecified", "unknown"):
        return LicenceClass.UNSPECIFIED
    parsed = parse_licence(text)
    if parsed is not None:
        return parsed.kind
    return LicenceClass.BY_NC if _FORBIDS_COMMERCE.search(text) else LicenceClass.OTHER


def strictest(kinds: Iterable[LicenceClass]) -> LicenceClass:
    """The class that asks for the most: a mix is as restricted as its strictest part; kinds must not be empty.

    >>> strictest([LicenceClass.BY, LicenceClass.BY_NC, LicenceClass.CC0]).value
    'by-nc'
    """
    order = list(LicenceClass)
    return max(kinds, key=order.index)


def parse_freesound_licence(text: str) -> Licence | None:
    """A licence that Freesound gives; None for any other, which is refused."""
    parsed = None if _read(text)[0] & {"sa", "nd"} else parse_licence(text)
    return parsed if parsed is not None and parsed.kind in FREESOUND_CLASSES else None
