"""Tempo, key and roles read from a file name."""

import re
from typing import Final

from storage.vocabulary import ROLES
from tasks.metadata.key_names import parse_key

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


_SEPARATORS: Final = re.compile(r"[\s_\-()\[\].,+]+|(?<=[a-z])(?=[A-Z])")
_ACCIDENTALS: Final = ("sharp", "flat")
_MODES: Final = ("maj", "major", "min", "minor")
_ONE_WORD_KEY: Final = re.compile(r"[A-G](?:[#b♯♭](?:maj|major|min|minor|m)?|maj|major|min|minor|m)")

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


def roles_in_name(name: str) -> tuple[str, ...]:
    """The roles that words of a file name stand for, in the vocabulary's order; none if no word does.

    Words end at blanks, `_ - . , + ( ) [ ]`, and where a small letter is followed by a capital one.

    >>> roles_in_name("BassLoop_and_drums02_124.wav")
    ('bass', 'percussion')
    """
    words = {word.lower().rstrip("0123456789") for word in _words(name)}
    named = {_ROLE_OF[word] for word in words if word in _ROLE_OF}
    return tuple(role for role in ROLES if role in named)


def key_in_name(name: str) -> tuple[str | None, str | None]:
    """The tonic and mode in a file name; both None unless exactly one key is written there.

    | form                                  | examples                     | counts                          |
    | ------------------------------------- | ---------------------------- | ------------------------------- |
    | capital letter with a sign or a mode  | `Am`, `F#`, `Bb`, `C#min`    | always                          |
    | letter, then sign and mode as words   | `a minor`, `F sharp major`   | always                          |
    | `key` and a letter                    | `key_C`                      | always                          |
    | a letter alone                        | `take_A`                     | never: takes have letters too   |

    >>> key_in_name("Bass_Loop_124_Am.wav")
    ('A', 'minor')
    """
    # A capital inside a word starts a new one for roles, but `C#Maj` is one key.
    words = re.split(r"[\s_\-()\[\].,+]+", _stem(name))
    found: set[tuple[str | None, str | None]] = set()
    for place, word in enumerate(words):
        if _ONE_WORD_KEY.fullmatch(word):
            mode = [after for after in words[place + 1 : place + 2] if after.lower() in _MODES]
            found.add(parse_key(word if word[-1] in "mnrj" else " ".join([word, *mode])))
        elif re.fullmatch(r"[A-Ga-g][#b♯♭]?", word):
            after = [text.lower() for text in words[place + 1 : place + 3]]
            sign = after[0] if after and after[0] in _ACCIDENTALS else ""
            rest = after[1:] if sign else after
            mode_word = rest[0] if rest and rest[0] in _MODES else ""
            after_key = place > 0 and words[place - 1].lower() == "key"
            if sign or mode_word or after_key:
                found.add(parse_key(f"{word} {sign} {mode_word}"))
    found.discard((None, None))
    return found.pop() if len(found) == 1 else (None, None)


def _stem(name: str) -> str:
    return name.rsplit(".", 1)[0] if "." in name else name


def _words(name: str) -> list[str]:
    return [word for word in _SEPARATORS.split(_stem(name)) if word]
