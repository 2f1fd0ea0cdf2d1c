"""Songs of tracker modules, whose bar lines are known exactly, for the fit of the grid's weights.

The modules are those of games in Debian; none of them is by anybody whose music figures are reported on. `PACKAGES`
names them, `apt-get download` fetches them, `dpkg-deb -x` unpacks each into a folder of its name. They are played by
libopenmpt (Debian: libopenmpt0), which tells the row of the pattern that is playing.
"""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.audio.decoding import Samples
from tasks.features.mel import mel_power, normalise_level
from tasks.rhythm.downbeat import STEPS_PER_BAR
from tasks.rhythm.onsets import GRID_MEL, onset_envelope
from tasks.rhythm.pulse import find_pulse

PACKAGES: Final = (
    *("biniax2-data", "black-box", "ceferino-data", "dodgindiamond2", "flobopuyo", "freedroid-data", "gemdropx"),
    *("gl-117-data", "gltron", "gweled", "monsterz-data", "njam-data", "pachi-data", "pekka-kana-2-data"),
    *("penguin-command", "pingus-data", "ri-li-data", "solarwolf", "tomatoes-data", "tuxmath-data", "vectoroids"),
    "vodovod",
)
_OF_SKAVEN: Final = frozenset({"gltron", "gweled", "pachi-data", "penguin-command"})
"""Packages whose music is, mostly, one person's; any other package stands for an author of its own."""

_SUFFIXES: Final = (".it", ".mod", ".s3m", ".stm", ".xm")
_RATE: Final = GRID_MEL.sample_rate
_BLOCK: Final = 64
_DURATION_S: Final = (25.0, 900.0)
_STEADY_S: Final = 40.0
_EVEN_S: Final = 0.008
_STRAIGHT_S: Final = 0.02
_ROWS_A_BEAT: Final = (4, 8, 16)
_TEMPO_ERROR: Final = 0.005
_ON_BAR: Final = 0.9


@dataclass(frozen=True)
class Song:
    """Samples (n,) at the rate of `GRID_MEL`, the tempi they may be counted at, and the head of a phrase in seconds.

    Every `period_steps` sixteenth notes from there a phrase may begin.
    """

    name: str
    author: str
    samples: Samples
    bpms: tuple[float, ...]
    head_s: float
    period_steps: int


@dataclass(frozen=True)
class _Row:
    begin_s: float
    row: int
    pattern_rows: int


def read_modules(folder: Path) -> Iterator[Song]:
    """The songs of the packages in a folder, of each the longest part whose rows are equally long.

    Those whose beat, as the tempo estimator finds it, has 4, 8 or 16 rows, and whose patterns, where phrases may begin,
    start on bars of four beats. Raises FileNotFoundError where a package is missing.
    """
    seen = set()
    for package in PACKAGES:
        if not (folder / package).is_dir():
            raise FileNotFoundError(f"{package} is not in {folder}: apt-get download {package}, then dpkg-deb -x")
        for path in sorted((folder / package).rglob("*")):
            if path.suffix.lower() not in _SUFFIXES:
                continue
            data = path.read_bytes()
            song = None if data in seen else _song(path.stem, "skaven" if package in _OF_SKAVEN else package, data)
            seen.add(data)
            if song is not None:
                yield song


def _song(name: str, author: str, data: bytes) -> Song | None:
    module = _Module(data)
    if not module.handle or not _DURATION_S[0] <= module.duration_s <= _DURATION_S[1]:
        return None
    samples, rows = module.play()
    first, last = _longest_even(np.diff([row.begin_s for row in rows]))
    begins = np.array([row.begin_s for row in rows[first:last]])
    if len(begins) < 2 or begins[-1] - begins[0] < _STEADY_S:
        return None
    row_s, start_s = np.polyfit(np.arange(len(begins)), begins, 1)
    if np.abs(np.arange(len(begins)) * row_s + start_s - begins).max() > _STRAIGHT_S:
        return None
    part = samples[round(begins[0] * _RATE) : round(begins[-1] * _RATE)]
    rows_a_beat = _rows_a_beat(part, row_s)
    starts = np.array([number for number, row in enumerate(rows[first:last]) if row.row == 0])
    if rows_a_beat is None or not len(starts) or np.mean((starts - starts[0]) % (4 * rows_a_beat) == 0) < _ON_BAR:
        return None
    period_steps = 4 * int(np.gcd.reduce([row.pattern_rows for row in rows[first:last]])) // rows_a_beat
    if period_steps % STEPS_PER_BAR:
        return None
    first_s = start_s + starts[0] * row_s - begins[0]
    return Song(name, author, part, (60 / row_s / rows_a_beat,), float(first_s), period_steps)


def _longest_even(lengths_s: NDArray[np.float64]) -> tuple[int, int]:
    """The longest run of rows as long as most are."""
    uneven = np.flatnonzero(np.abs(lengths_s - np.median(lengths_s)) >= _EVEN_S)
    bounds = np.concatenate([[-1], uneven, [len(lengths_s)]])
    longest = int(np.argmax(np.diff(bounds)))
    return int(bounds[longest]) + 1, int(bounds[longest + 1]) + 1


def _rows_a_beat(samples: Samples, row_s: float) -> int | None:
    """How many rows the beat has that the tempo estimator finds; None if it finds none of so many."""
    pulse = find_pulse(onset_envelope(normalise_level(mel_power(samples, GRID_MEL))), GRID_MEL.frame_rate)
    for rows in _ROWS_A_BEAT:
        if pulse is not None and abs(60 / row_s / rows / pulse.bpm - 1) < _TEMPO_ERROR:
            return rows
    return None


class _Module:
    """A module in libopenmpt's hands."""

    def __init__(self, data: bytes) -> None:
        self._library = _libopenmpt()
        self.handle = self._library.openmpt_module_create_from_memory(data, len(data), None, None, None)

    def __del__(self) -> None:
        if self.handle:
            self._library.openmpt_module_destroy(self.handle)

    @property
    def duration_s(self) -> float:
        return float(self._library.openmpt_module_get_duration_seconds(self.handle))

    def play(self) -> tuple[Samples, list[_Row]]:
        """Mono samples, and each row that sounded."""
        block = (ctypes.c_float * _BLOCK)()
        parts: list[Samples] = []
        rows: list[_Row] = []
        last: tuple[int, ...] = ()
        at = 0
        while (got := self._library.openmpt_module_read_float_mono(self.handle, _RATE, _BLOCK, block)) > 0:
            place = tuple(self._current(what) for what in ("order", "pattern", "row"))
            if place != last:
                pattern_rows = self._library.openmpt_module_get_pattern_num_rows(self.handle, place[1])
                rows.append(_Row(at / _RATE, place[2], pattern_rows))
            last, at = place, at + got
            parts.append(np.frombuffer(block, np.float32)[:got].copy())
        return np.concatenate(parts), rows

    def _current(self, what: str) -> int:
        return int(getattr(self._library, f"openmpt_module_get_current_{what}")(self.handle))


@lru_cache
def _libopenmpt() -> Any:
    try:
        library = ctypes.CDLL("libopenmpt.so.0")
    except OSError:
        raise FileNotFoundError("libopenmpt.so.0 is not there: apt-get install libopenmpt0") from None
    handle = ctypes.c_void_p
    library.openmpt_module_create_from_memory.restype = handle
    library.openmpt_module_create_from_memory.argtypes = [ctypes.c_char_p, ctypes.c_size_t, *[handle] * 3]
    library.openmpt_module_read_float_mono.restype = ctypes.c_size_t
    library.openmpt_module_read_float_mono.argtypes = [handle, ctypes.c_int32, ctypes.c_size_t, handle]
    library.openmpt_module_get_duration_seconds.restype = ctypes.c_double
    library.openmpt_module_get_pattern_num_rows.argtypes = [handle, ctypes.c_int32]
    for name in ("destroy", "get_duration_seconds", "get_current_order", "get_current_pattern", "get_current_row"):
        getattr(library, f"openmpt_module_{name}").argtypes = [handle]
    return library
