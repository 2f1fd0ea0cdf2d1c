"""What a file name says of its key, and which words that look like one are plain English."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tasks.metadata.file_names import NUMBER_RANGE, roles_in_name, stem_of
from tasks.metadata.key_names import NamedKey, parse_key, parse_key_code

_BETWEEN_WORDS: Final = re.compile(r"[\s_\-()\[\].,+]+")
_ACCIDENTALS: Final = ("sharp", "flat")
_MODES: Final = ("maj", "major", "min", "minor", "dur", "moll")
_ONE_WORD_KEY: Final = re.compile(r"[A-G](?:[#b♯♭](?:maj|major|min|minor|m)?|maj|major|min|minor|m)")
_LETTER: Final = re.compile(r"[A-Ga-g][#b♯♭]?|[A-Ha-h](?:is|es|s)?")
_TEMPO: Final = re.compile(r"(\d{2,3})(?:bpm)?|bpm\d{2,3}", re.IGNORECASE)
_MUSICAL: Final = frozenset({"loop", "loops", "key", "synth", "keys", "bpm"})
_HOURS: Final = range(1, 13)


@dataclass(frozen=True)
class _Mention:
    """A key that some words of a name may mean: from the first of them to behind the last."""

    key: NamedKey
    first: int
    end: int
    certain: bool


def key_in_name(name: str) -> NamedKey:
    """The tonic and mode in a file name; both None unless exactly one key is written there.

    | form                                  | examples                     | counts                                   |
    | ------------------------------------- | ---------------------------- | ---------------------------------------- |
    | capital letter with a sign or a mode  | `Cm`, `F#`, `Bb`, `C#min`    | always                                   |
    | letter, then sign and mode as words   | `F sharp major`, `fis moll`  | always                                   |
    | `key` and a letter                    | `key_C`                      | always                                   |
    | English words too                     | `Am`, `a minor`              | beside a tempo, a role, `loop` or a key; |
    |                                       |                              | not beside `I` or an hour: `3 Am`        |
    | code of a wheel                       | `8A`, `1m`                   | beside a tempo or a key: `8A - 128 - x`  |
    | a letter alone                        | `take_A`                     | never: takes have letters too            |

    In a name without blanks, as sample packs have them, a tempo or a role anywhere in it is enough for `Am`.

    >>> key_in_name("Bass_Loop_124_Am.wav"), key_in_name("Here I Am.wav")
    (('A', 'minor'), (None, None))
    """
    stem = stem_of(name)
    # A capital inside a word starts a new one for roles, but `C#Maj` is one key.
    words = [word for word in _BETWEEN_WORDS.split(stem) if word]
    mentions = list(_mentions(words))
    sure = [mention for mention in mentions if mention.certain]
    found = {mention.key for mention in sure}
    for mention in mentions:
        if not mention.certain and not _is_english(words, mention) and (sure or _is_musical(stem, words, mention)):
            found.add(mention.key)
    return found.pop() if len(found) == 1 else (None, None)


def _mentions(words: Sequence[str]) -> Iterator[_Mention]:
    for place, word in enumerate(words):
        after = [text.lower() for text in words[place + 1 : place + 3]]
        if _ONE_WORD_KEY.fullmatch(word):
            mode = after[0] if after and after[0] in _MODES and word[-1] not in "mnrj" else ""
            yield _Mention(parse_key(f"{word} {mode}"), place, place + 1 + bool(mode), certain=word != "Am")
        elif _LETTER.fullmatch(word):
            sign = after[0] if after and after[0] in _ACCIDENTALS else ""
            rest = after[1:] if sign else after
            mode = rest[0] if rest and rest[0] in _MODES else ""
            told = place > 0 and words[place - 1].lower() == "key"
            key = parse_key(f"{word} {sign} {mode}") if sign or mode or told else (None, None)
            if key[0]:
                # "A minor thing": an article before a word that is no term of music alone.
                article = word.lower() == "a" and not told
                yield _Mention(key, place, place + 1 + bool(sign) + bool(mode), certain=not article)
        elif (key := parse_key_code(word))[0]:
            yield _Mention(key, place, place + 1, certain=False)


def _is_english(words: Sequence[str], mention: _Mention) -> bool:
    """Whether "Am" is the verb or the morning, by the word before it or behind it."""
    if words[mention.first] != "Am":
        return False
    before = words[mention.first - 1] if mention.first else ""
    after = words[mention.end] if mention.end < len(words) else ""
    hour = before.isdecimal() and int(before) in _HOURS
    return hour or "I" in (before, after)


def _is_musical(stem: str, words: Sequence[str], mention: _Mention) -> bool:
    """Whether what stands beside a mention, or in a name without blanks anywhere, speaks of music as packs do."""
    neighbours = [*words[max(0, mention.first - 1) : mention.first], *words[mention.end : mention.end + 1]]
    if parse_key_code(words[mention.first])[0]:
        return any(_is_tempo_word(word) or _ONE_WORD_KEY.fullmatch(word) for word in neighbours)
    if mention.end - mention.first == len(words) or (mention.end == len(words) and mention.end - mention.first > 1):
        return True
    packed = not re.search(r"\s", stem)
    return any(_is_tempo_word(word) or _is_term(word) for word in (words if packed else neighbours))


def _is_tempo_word(word: str) -> bool:
    match = _TEMPO.fullmatch(word)
    return match is not None and (match[1] is None or NUMBER_RANGE[0] <= float(match[1]) <= NUMBER_RANGE[1])


def _is_term(word: str) -> bool:
    return word.lower() in _MUSICAL or bool(parse_key_code(word)[0]) or bool(roles_in_name(word))
