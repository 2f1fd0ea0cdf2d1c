"""Tempo, kind and roles read from a file name; `tasks.metadata.keys_in_names` reads the key."""

import re
from typing import Final

from storage.vocabulary import ROLES, Kind
from tasks.metadata.tempo_text import is_tempo

_WITH_UNIT: Final = re.compile(
    r"(?<![0-9.,])(\d{2,3}(?:[.,]\d{1,3})?)[ _-]?bpm(?![a-z])"
    r"|(?<![a-z])bpm[ _-]?(\d{2,3}(?:[.,]\d{1,3})?)(?!\d)",
    re.IGNORECASE,
)
_BARE: Final = re.compile(r"(?<![^\s_()\[\]-])([1-9]\d{1,2})(?![^\s_()\[\]-])")

NUMBER_RANGE: Final = (60.0, 200.0)
"""A bare number in a name is taken for a tempo only inside this range, in beats per minute."""


def bpm_in_name(name: str) -> float | None:
    """The tempo that a file name states with its unit: `Loop128bpm.wav`, `bpm 95.wav`, `drums 87,5 BPM.wav`.

    >>> bpm_in_name("Bass_124bpm_Am.wav")
    124.0
    """
    match = _WITH_UNIT.search(stem_of(name))
    if match is None:
        return None
    bpm = float((match[1] or match[2]).replace(",", "."))
    return bpm if is_tempo(bpm) else None


def number_in_name(name: str) -> float | None:
    """The number in a file name that may be its tempo, though nothing says so; None beside one with its unit.

    Only a whole number from 60 to 200 between separators, and only if there is exactly one of them: in
    `Kit_01_124_Am.wav` it is 124, in `take_64_128.wav` nobody knows. It may as well be a track (`101 Night Bus.wav`) or
    a synthesizer (`SH-101 Jam.wav`), so the sound has a say.

    >>> number_in_name("Bass_Loop_124_Am.wav")
    124.0
    """
    stem = stem_of(name)
    if _WITH_UNIT.search(stem):
        return None
    likely = {bpm for number in _BARE.findall(stem) if NUMBER_RANGE[0] <= (bpm := float(number)) <= NUMBER_RANGE[1]}
    return likely.pop() if len(likely) == 1 else None


ROLE_WORDS: Final = {
    "bass": "bass bassline sub subbass",
    "percussion": "drum drums perc percussion percussive beat beats break breaks breakbeat kick kicks snare hat hats "
    "hihat clap claps shaker conga congas bongo bongos tabla tom toms toploop",
    "fx": "fx sfx riser uplifter downlifter sweep impact noise woosh whoosh",
    "melody": "melody melodies melodic lead leads arp arps riff riffs pluck plucks",
    "chords": "chord chords pad pads stab stabs",
    "vocal": "vocal vocals vox voice acapella",
}
"""Words of a file name that name a role, in any case, with or without a number behind: `Bass`, `drums02`."""

_ROLE_OF: Final = {word: role for role, words in ROLE_WORDS.items() for word in words.split()}
_BETWEEN_WORDS: Final = re.compile(r"[\s_\-()\[\].,+]+|(?<=[a-z])(?=[A-Z])")


def roles_in_name(name: str) -> tuple[str, ...]:
    """The roles that words of a file name stand for, in the vocabulary's order; none if no word does.

    Words end at blanks, `_ - . , + ( ) [ ]`, and where a small letter is followed by a capital one.

    >>> roles_in_name("BassLoop_and_drums02_124.wav")
    ('bass', 'percussion')
    """
    named = {role for word in _BETWEEN_WORDS.split(stem_of(name)) if (role := _role_of(word))}
    return tuple(role for role in ROLES if role in named)


_LOOP: Final = frozenset({"loop", "loops", "toploop"})
_ONE_SHOT: Final = re.compile(r"(?<![a-z])one[\s_-]?shots?(?![a-z])", re.IGNORECASE)


def kind_in_name(name: str) -> Kind | None:
    """Whether a file name calls its file a one-shot or a loop; None if it does neither, or both.

    >>> kind_in_name("Kick One-Shot 03.wav"), kind_in_name("BassLoop_124.wav")
    (<Kind.ONESHOT: 'oneshot'>, <Kind.LOOP: 'loop'>)
    """
    stem = stem_of(name)
    loop = any(word.lower().rstrip("0123456789") in _LOOP for word in _BETWEEN_WORDS.split(stem))
    one_shot = _ONE_SHOT.search(stem) is not None
    return None if loop == one_shot else Kind.LOOP if loop else Kind.ONESHOT


def stem_of(name: str) -> str:
    """A file name without its extension."""
    return name.rsplit(".", 1)[0] if "." in name else name


def _role_of(word: str) -> str | None:
    return _ROLE_OF.get(word.lower().rstrip("0123456789"))
