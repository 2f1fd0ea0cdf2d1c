"""Telling one-shots from loops: by what is written, and by their sound, a single attack that dies away."""

from typing import Final

import numpy as np

from storage.vocabulary import BpmSource, Kind
from tasks.features.mel_config import Matrix
from tasks.metadata.written import Written
from tasks.rhythm.grid import Tempo
from tasks.rhythm.loop_tempo import is_sure, is_whole, length_tempo, makes_whole_bars
from tasks.rhythm.onsets import GridPower, find_attacks

LONGEST_S: Final = 30.0
"""Seconds from which a file is neither a one-shot nor, if nobody states its tempo, a loop."""

_HALF_A_BAR_S, _BAR_S, _HIT_S, _LONG_HIT_S = 0.8, 1.2, 5.0, 15.0
"""Half a bar at 150 beats per minute; a bar at 200; how long most hits are; how long a crash or a boom may be."""

_ATTACK: Final = 1 / 3
"""Share of the strongest attack from which another counts as one more."""

_SOFTER_DB, _QUIET_DB, _SILENT_DB = -6.0, -20.0, -30.0
_END: Final = 0.1


def is_one_shot(rhythm: GridPower, written: Written, tempo: Tempo | None) -> bool:
    """Whether a file is a one-shot, by the first of these that says something.

    | what is there                                                | so it is   |
    | ------------------------------------------------------------ | ---------- |
    | half a minute or more of sound, or a tempo in a manifest     | none       |
    | a loop library's flag, or a word of its name, for a one-shot | a one-shot |
    | the same for a loop; a tempo that somebody wrote down        | none       |
    | a number in its name that makes whole bars of its length     | none       |
    | its sound (`sounds_like_one_shot`)                           | either     |

    `tempo` is the one that is stated, if any is.
    """
    in_manifest = tempo is not None and tempo.source is BpmSource.MANIFEST
    if rhythm.duration_s >= LONGEST_S or in_manifest:
        return False
    if written.kind is not None or tempo is not None:
        return written.kind is Kind.ONESHOT
    number = written.name_number
    if number is not None and makes_whole_bars(number, rhythm.duration_s):
        return False
    return sounds_like_one_shot(rhythm)


def sounds_like_one_shot(rhythm: GridPower) -> bool:
    """Whether a file of which nobody says what it is, is a hit or a note rather than a loop.

    | how long       | a one-shot if it has                                                                        |
    | -------------- | ------------------------------------------------------------------------------------------- |
    | under 0.8 s    | anything but a sure tempo                                                                    |
    | under 1.2 s    | no sure tempo, and one attack at most or an end 20 dB under its loudest moment               |
    | up to 5 s      | one attack at most, and such an end; or one 6 dB under it, and a length that is no whole tempo |
    | up to 15 s     | one attack, an end 30 dB under its loudest moment, and a length that is no whole tempo       |

    What is sustained to its end, such as a pad or a texture, is a loop of an unsure tempo.
    """
    duration_s = rhythm.duration_s
    if duration_s > _LONG_HIT_S:
        return False
    tempo = length_tempo(rhythm)
    if is_sure(tempo):
        return False
    attacks, end_db = len(find_attacks(rhythm).at_least(_ATTACK)), _end_db(rhythm.power)
    if duration_s < _HALF_A_BAR_S:
        return True
    if duration_s < _BAR_S:
        return attacks <= 1 or end_db <= _QUIET_DB
    if duration_s <= _HIT_S:
        return attacks <= 1 and (end_db <= _QUIET_DB or (end_db <= _SOFTER_DB and not is_whole(tempo)))
    return attacks == 1 and end_db <= _SILENT_DB and not is_whole(tempo)


def _end_db(power: Matrix) -> float:
    """The level of the last tenth under that of the loudest frame, in dB."""
    levels = power.sum(axis=1)
    end = levels[-max(1, int(_END * len(levels))) :].mean()
    return float(10 * np.log10((end + 1e-12) / (levels.max() + 1e-12)))
