"""The decode check of a fetched loop: its file is decoded whole, for its digests, duration and bars."""

from dataclasses import replace
from typing import Final

from storage.files import sha256_of
from storage.loops.table import Loop
from storage.paths import path_of
from storage.vocabulary import BEATS_PER_BAR
from tasks.audio.decoding import AudioError, decode

_PROBE_RATE: Final = 16_000
_BAR_TOLERANCE: Final = 0.05


def measured(loop: Loop) -> Loop:
    """A described loop with its id, digests, duration, and bars if a whole number of them fits its tempo.

    Its file is decoded whole. A length that is no whole number of bars is flagged `not_whole_bars`. Raises
    `AudioError` if the file cannot be used.
    """
    path = path_of(loop.path)
    audio = decode(path, _PROBE_RATE)
    try:
        digest = sha256_of(path)
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    bars = whole_bars(audio.duration_s, loop.bpm)
    flags = loop.flags if loop.bpm is None or bars is not None else (*loop.flags, "not_whole_bars")
    return replace(
        loop,
        loop_id=digest[:16],
        sha256=digest,
        duration_s=audio.duration_s,
        bars=bars,
        flags=flags,
        audio_digest=audio.digest,
    )


def whole_bars(duration_s: float, bpm: float | None) -> float | None:
    """How many bars a loop has, if it is a whole number of at least one, within a twentieth of a bar.

    >>> whole_bars(8.0, 120.0), whole_bars(7.0, 120.0)
    (4.0, None)
    """
    if bpm is None:
        return None
    bars = duration_s * bpm / 60.0 / BEATS_PER_BAR
    nearest = round(bars)
    return float(nearest) if nearest >= 1 and abs(bars - nearest) <= _BAR_TOLERANCE else None
