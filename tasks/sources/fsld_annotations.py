"""The annotations of the Freesound Loop Dataset: each person's answers, and their consensus."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from storage.vocabulary import ROLES
from tasks.metadata.key_names import TONICS

BPM_RANGE: Final = (25.0, 400.0)
"""A tempo that an annotator typed is used inside this range, in beats per minute."""

BPM_SPREAD: Final = 1.0
"""Annotators agree on a tempo if their answers lie this close together, in beats per minute."""

_MODES: Final = {"maj": "major", "min": "minor"}
_UNKNOWN: Final = ("", "unknown")
_BPM: Final = re.compile(r"\s*(?:bpm\s*)?(\d+(?:[.,]\d+)?)\s*(?:bpm)?\s*", re.IGNORECASE)


class AnnotationError(ValueError):
    """An annotation that is not what the schema says; the message names the field."""


@dataclass(frozen=True)
class Annotation:
    """One annotator's answer, as it was meant.

    `roles` in the order of the vocabulary; `bpm` in beats per minute, None where no tempo was given or none is
    defined; `key` a tonic with a sharp, `mode` major or minor, each None where unknown, and `tonal` false where the
    annotator said that there is no key; `discard` and `save_for_later` are the annotator's refusals.
    """

    annotator: str
    discard: bool
    save_for_later: bool
    roles: tuple[str, ...]
    defined_tempo: bool
    bpm: float | None
    signature: str
    well_cut: bool
    tonal: bool | None
    key: str | None
    mode: str | None
    genres: tuple[str, ...]
    comments: str

    @property
    def usable(self) -> bool:
        """Whether the annotator neither discarded the loop nor put it off."""
        return not self.discard and not self.save_for_later


@dataclass(frozen=True)
class Consensus:
    """What the annotators of one loop say together; None and empty are unknown. `flags` name what is doubtful."""

    roles: tuple[str, ...]
    unknown_roles: tuple[str, ...]
    bpm: float | None
    key: str | None
    mode: str | None
    annotators: int
    flags: tuple[str, ...]


class LeftOutError(Exception):
    """A loop that its annotators leave out; the message says by which rule."""


def parse_annotation(annotator: str, text: str | bytes) -> Annotation:
    """Read one annotator's JSON; raises AnnotationError naming the field that is not what the schema says.

    The six roles must be there as true or false; `save_for_later`, `defined_tempo`, `well_cut`, `discard`, the key,
    the tempo and the rest may be missing in older files, and a missing answer is unknown. The tempo is a string
    that people typed: `120`, `87.5`, `120 bpm`; what is no number, or no possible tempo, is unknown. The key is a
    lower-case tonic with a sharp, `none` or `unknown`; the mode is read apart from it.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise AnnotationError(f"is a JSON {type(document).__name__}, not an object")
    defined = _flag(document, "defined_tempo", default=True)
    key, mode = _word(document, "key"), _word(document, "mode")
    tonic = key.upper() if key.upper() in TONICS else None
    if tonic is None and key not in (*_UNKNOWN, "none"):
        raise AnnotationError(f"key is {key!r}; it is a tonic such as c#, none, or unknown")
    if mode not in (*_MODES, *_UNKNOWN, "none"):
        raise AnnotationError(f"mode is {mode!r}; it is maj, min, none, or unknown")
    return Annotation(
        annotator=annotator,
        discard=_flag(document, "discard", default=False),
        save_for_later=_flag(document, "save_for_later", default=False),
        roles=_roles(document),
        defined_tempo=defined,
        bpm=parse_bpm(document.get("bpm")) if defined else None,
        signature=_word(document, "signature"),
        well_cut=_flag(document, "well_cut", default=False),
        tonal=False if key == "none" else True if tonic else None,
        key=tonic,
        mode=_MODES.get(mode),
        genres=_genres(document),
        comments=_text(document, "comments"),
    )


def parse_bpm(value: object) -> float | None:
    """The tempo that an annotator typed, None if it is no number, prose, or no possible tempo.

    >>> parse_bpm("120 bpm"), parse_bpm("87.5"), parse_bpm("about 90?"), parse_bpm("")
    (120.0, 87.5, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    match = _BPM.fullmatch(value) if isinstance(value, str) else None
    try:
        bpm = float(match.group(1).replace(",", ".")) if match else math.nan if isinstance(value, str) else float(value)
    except OverflowError:
        return None
    return bpm if BPM_RANGE[0] <= bpm <= BPM_RANGE[1] else None


def agree(annotations: Sequence[Annotation]) -> Consensus:
    """What several annotators say together; raises LeftOutError where they leave the loop out.

    | question       | the annotators                                   | the answer                                   |
    | -------------- | ------------------------------------------------ | -------------------------------------------- |
    | is it usable?  | anyone discarded it                              | left out: discarded                          |
    |                | nobody is left after those who put it off        | left out: put off                            |
    | roles          | said by more than half                           | a role                                       |
    |                | said by some, but by half or fewer               | neither a role nor its absence: unknown      |
    |                | nobody names any role                            | left out: no role                            |
    |                | no role is named by more than half               | left out: the annotators disagree            |
    | tempo          | most say that no tempo is defined (ties too)     | unknown, flag `no_tempo`                     |
    |                | nobody gave a number                             | unknown                                      |
    |                | all numbers within 1 beat per minute             | their median                                 |
    |                | numbers further apart                            | unknown, flag `bpm_disputed`                 |
    | key            | all who answered name one tonic                  | that tonic                                   |
    |                | all who answered say that it has no key          | unknown, flag `atonal`                       |
    |                | several tonics, or one and no key                | unknown, flag `key_disputed`; mode unknown   |
    | mode           | all who answered say the same, and there is a key | that mode                                   |
    |                | they differ, and there is a key                  | unknown, flag `mode_disputed`                |
    | cut            | half or fewer say well cut                       | flag `not_well_cut`                          |
    | signature      | anyone says something else than 4/4              | flag `not_4_4`                               |

    Those who put a loop off (`save_for_later`) have no voice in the rest. An answer of `unknown` is no answer.
    """
    if any(one.discard for one in annotations):
        raise LeftOutError("discarded: an annotator says that it is no loop")
    voices = [one for one in annotations if one.usable]
    if not voices:
        raise LeftOutError("put off: no annotator finished it")
    counts = {role: sum(role in one.roles for one in voices) for role in ROLES}
    roles = tuple(role for role in ROLES if 2 * counts[role] > len(voices))
    if not any(counts.values()):
        raise LeftOutError("no role: no annotator names one")
    if not roles:
        raise LeftOutError("disagreement: no role is named by more than half of its annotators")
    bpm, flags = _agree_on_tempo(voices)
    key, mode, key_flags = _agree_on_key(voices)
    flags += key_flags
    if 2 * sum(one.well_cut for one in voices) <= len(voices):
        flags += ("not_well_cut",)
    if any(one.signature not in ("", "4/4") for one in voices):
        flags += ("not_4_4",)
    unknown = tuple(role for role in ROLES if counts[role] and role not in roles)
    return Consensus(roles, unknown, bpm, key, mode, len(voices), flags)


def answers(annotations: Sequence[Annotation]) -> list[dict[str, Any]]:
    """Each annotator's answer as it is kept in the table, ordered by annotator."""
    return [asdict(one) for one in sorted(annotations, key=lambda one: one.annotator)]


def _agree_on_tempo(voices: Sequence[Annotation]) -> tuple[float | None, tuple[str, ...]]:
    if 2 * sum(one.defined_tempo for one in voices) <= len(voices):
        return None, ("no_tempo",)
    given = sorted(one.bpm for one in voices if one.bpm is not None)
    if not given:
        return None, ()
    if given[-1] - given[0] > BPM_SPREAD:
        return None, ("bpm_disputed",)
    middle = len(given) // 2
    return (given[middle] if len(given) % 2 else (given[middle - 1] + given[middle]) / 2), ()


def _agree_on_key(voices: Sequence[Annotation]) -> tuple[str | None, str | None, tuple[str, ...]]:
    tonics = {one.key for one in voices if one.tonal is not None}
    if len(tonics) > 1:
        return None, None, ("key_disputed",)
    key = tonics.pop() if tonics else None
    if key is None:
        return None, None, ("atonal",) if any(one.tonal is False for one in voices) else ()
    modes = {one.mode for one in voices if one.mode is not None}
    if len(modes) > 1:
        return key, None, ("mode_disputed",)
    return key, modes.pop() if modes else None, ()


def _roles(document: dict[str, Any]) -> tuple[str, ...]:
    named = document.get("instrumentation")
    if not isinstance(named, dict):
        raise AnnotationError("instrumentation is missing, or no object; it has the six roles as true or false")
    for role in ROLES:
        if not isinstance(named.get(role), bool):
            raise AnnotationError(f"instrumentation.{role} is {named.get(role)!r}; it is true or false")
    return tuple(role for role in ROLES if named[role])


def _flag(document: dict[str, Any], name: str, *, default: bool) -> bool:
    value = document.get(name, default)
    if not isinstance(value, bool):
        raise AnnotationError(f"{name} is {value!r}; it is true or false")
    return value


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise AnnotationError(f"{name} is {value!r}; it is a text")
    # Lone surrogates are valid JSON, and no UTF-8: the table could not hold them.
    return value.encode("utf-8", "replace").decode("utf-8")


def _word(document: dict[str, Any], name: str) -> str:
    return _text(document, name).strip().lower()


def _genres(document: dict[str, Any]) -> tuple[str, ...]:
    value = document.get("genres") or []
    if not isinstance(value, list) or not all(isinstance(genre, str) for genre in value):
        raise AnnotationError("genres is no list of texts")
    return tuple(genre.encode("utf-8", "replace").decode("utf-8") for genre in value)
