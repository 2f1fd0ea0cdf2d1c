"""Simulated arrangements: voices that come and go with the sections of a form, bar by bar, without audio."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import ROLES, SectionLabel
from tasks.section_training.forms import simulated_form

Floats = NDArray[np.float64]

SILENT_DB: Final = -80.0
_INTRO, _BUILD, _CORE, _BREAK, _OUTRO = SectionLabel
_PERCUSSION: Final = ROLES.index("percussion")
_BASS: Final = ROLES.index("bass")
_FX: Final = ROLES.index("fx")

_VOICES: Final = {
    "bass": (1, 2),
    "percussion": (1, 3),
    "fx": (0, 3),
    "melody": (0, 3),
    "chords": (0, 2),
    "vocal": (0, 2),
}
_GAIN_DB: Final = {"bass": -1, "percussion": 0, "fx": -9, "melody": -5, "chords": -6, "vocal": -4}

# How often a voice of each role sounds: bass, percussion, fx, melody, chords, vocal.
_OFTEN: Final = {
    "core": (0.93, 0.97, 0.35, 0.6, 0.65, 0.5),
    "break": (0.3, 0.2, 0.5, 0.5, 0.6, 0.5),
    "stripped": (0.7, 0.8, 0.3, 0.3, 0.3, 0.2),
    "build": (0.35, 0.55, 0.7, 0.4, 0.5, 0.3),
    "drums": (0.25, 0.95, 0.4, 0.15, 0.15, 0.1),
    "pads": (0.1, 0.1, 0.6, 0.35, 0.6, 0.15),
    "mixed": (0.4, 0.45, 0.4, 0.35, 0.4, 0.15),
}


@dataclass(frozen=True)
class Arrangement:
    """Which section each bar is in (bars,), the role of each voice (voices,), and its level in dB (bars, voices)."""

    labels: NDArray[np.int64]
    roles: NDArray[np.int64]
    gains_db: Floats


def simulated_arrangement(rng: np.random.Generator) -> Arrangement:
    """An arrangement of a simulated form, varied in all that a producer varies.

    Cores are full, and lose a voice now and then; breaks, intros and outros are thin, by leaving drums out or all but
    drums; some grow voice by voice, some fade; a build rises. Some masters leave no difference of level, some tracks
    have no drums, and some breaks and intros are hardly thinner than a core.
    """
    form = simulated_form(rng)
    roles = _palette(rng)
    blocks, labels, core = [], [], None
    dynamics = rng.uniform(0, 1.3)
    for label, bars in form:
        if label is _CORE:
            core = core if core is not None and rng.random() < 0.6 else _core_mask(roles, rng)
            on = _varied(core, bars, roles, rng)
        else:
            on = _thin(label, bars, roles, rng)
        gains = np.where(on, 0.0, SILENT_DB) + dynamics * _dynamics_db(label, bars, rng)[:, None]
        blocks.append(gains)
        labels += [list(SectionLabel).index(label)] * bars
    gains_db = np.concatenate(blocks)
    _decorate(gains_db, [bars for _, bars in form], roles, rng)
    base = np.array([_GAIN_DB[ROLES[role]] for role in roles]) + rng.normal(0, 4, len(roles))
    return Arrangement(np.array(labels), roles, gains_db + base)


def arrangement_of(on: NDArray[np.bool_], labels: NDArray[np.int64], rng: np.random.Generator) -> Arrangement:
    """An arrangement whose roles sound as a real track's do (bars, roles): one voice each, of levels of its own."""
    dynamics = rng.uniform(0, 1.3)
    gains_db = np.where(on, 0.0, SILENT_DB)
    for run in np.split(np.arange(len(labels)), np.flatnonzero(np.diff(labels)) + 1):
        label = list(SectionLabel)[labels[run[0]]]
        gains_db[run] += dynamics * _dynamics_db(label, len(run), rng)[:, None]
    base = np.array([_GAIN_DB[role] for role in ROLES]) + rng.normal(0, 4, len(ROLES))
    return Arrangement(labels, np.arange(len(ROLES)), gains_db + base)


def _palette(rng: np.random.Generator) -> NDArray[np.int64]:
    """The role of each voice of a track."""
    counts = [int(rng.integers(least, most + 1)) for least, most in (_VOICES[role] for role in ROLES)]
    if rng.random() < 0.06:
        counts[_PERCUSSION] = 0
    return np.repeat(np.arange(len(ROLES)), counts)


def _mask(style: str, roles: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    on = rng.random(len(roles)) < np.array(_OFTEN[style])[roles]
    if not on.any():
        on[int(rng.integers(len(roles)))] = True
    return np.asarray(on)


def _core_mask(roles: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Of some draws the fullest, so that a core has most of what its track has."""
    draws = [_mask("core", roles, rng) for _ in range(int(rng.integers(1, 4)))]
    return max(draws, key=lambda on: int(on.sum()) + 2 * bool(on[roles == _PERCUSSION].any()))


def _varied(
    core: NDArray[np.bool_], bars: int, roles: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """A core over its bars: every four or eight a voice may come in or go out, rarely the drums or the bass."""
    on = np.repeat(core[None], bars, axis=0)
    step = int(rng.choice([4, 8, 16], p=[0.35, 0.5, 0.15]))
    liveliness = rng.uniform(0, 0.7)
    for start in range(0, bars, step):
        for voice in range(len(roles)):
            main = roles[voice] in (_PERCUSSION, _BASS)
            if rng.random() < liveliness * (0.06 if main else 0.25):
                on[start : start + step, voice] = ~on[start : start + step, voice]
    return on


def _thin(label: SectionLabel, bars: int, roles: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """What sounds outside of cores (bars, voices)."""
    if label is _BUILD:
        styles = ["build"]
    elif label is _BREAK:
        styles = ["break", "break", "break", "pads", "stripped"]
    else:
        styles = ["drums", "pads", "mixed", "stripped"]
    style = str(rng.choice(styles))
    final = _mask(style, roles, rng)
    on = np.repeat(final[None], bars, axis=0)
    if rng.random() < 0.6:
        # Voice by voice: each comes in, or in an outro goes out, where four or eight bars begin.
        step = int(rng.choice([2, 4, 8], p=[0.2, 0.5, 0.3]))
        entries = step * rng.integers(0, max(1, bars // step), len(roles))
        entries[int(rng.choice(np.flatnonzero(final)))] = 0
        bar = np.arange(bars)[:, None]
        on &= (bar[::-1] if label is _OUTRO else bar) >= entries
    return on


def _dynamics_db(label: SectionLabel, bars: int, rng: np.random.Generator) -> Floats:
    """The level of a section in dB beside that of a core, bar by bar."""
    if label is _CORE:
        return np.full(bars, rng.normal(0, 1))
    if label is _BUILD:
        return np.linspace(-abs(rng.normal(5, 4)), rng.normal(-1, 2), bars)
    level = -abs(rng.normal(4, 4))
    fade = rng.random() < 0.25
    depth = -rng.uniform(6, 30) if fade else 0.0
    if label is _INTRO:
        return np.linspace(level + depth, level, bars)
    if label is _OUTRO:
        return np.linspace(level, level + depth, bars)
    return np.linspace(level, level + rng.uniform(-3, 5), bars)


def _decorate(gains_db: Floats, lengths: list[int], roles: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Risers before borders, crashes after them, and drums that stop in the last bar, in place."""
    habit = rng.random(3)
    fx, drums = roles == _FX, roles == _PERCUSSION
    for border in np.cumsum(lengths)[:-1]:
        if rng.random() < habit[0] * 0.6 and fx.any():
            rise = min(border, int(rng.choice([1, 2, 4, 8])))
            gains_db[border - rise : border, fx] = np.linspace(-15, 0, rise)[:, None]
        if rng.random() < habit[1] * 0.7 and fx.any():
            gains_db[border, fx] = 0
        if rng.random() < habit[2] * 0.4:
            gains_db[border - 1, drums] = SILENT_DB
