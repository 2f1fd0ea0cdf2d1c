"""Made-up grooves of styles whose written tempo and feel are known: drums, bass, chords and a melody on sixteenths."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.dummies import RATE, Signal

_STEPS_PER_BAR: Final = 16
_PHRASE_BARS: Final = 4


@dataclass(frozen=True)
class Style:
    """Rhythms of one or more bars in sixteenth notes, of which one is drawn for each voice, and the usual tempi.

    In a rhythm `x` is a loud note, `o` a soft one, `?` one that comes half of the time. `half_time`: the backbeat is on
    the third beat only.
    """

    bpms: tuple[float, float]
    kick: tuple[str, ...]
    snare: tuple[str, ...]
    hat: tuple[str, ...]
    bass: tuple[str, ...]
    chords: tuple[str, ...]
    melody: tuple[str, ...]
    half_time: bool = False
    swing: float = 0.0


_FOUR: Final = "x...x...x...x..."
_BACKBEAT: Final = "....x.......x..."
_EIGHTHS: Final = "x.o.x.o.x.o.x.o."
_SIXTEENTHS: Final = "xooooxoooxooxooo"
_OFFBEATS: Final = "..x...x...x...x."
_BAR_LONG: Final = "x..............."
_PADS: Final = (_BAR_LONG, _BAR_LONG + "." * 16)
_MIXED: Final = ("x..x..x...x.x...", "x...x.x.....x.x.", "x.....x...x.....", "x.x.x.x.x.x.x.x.")

STYLES: Final = {
    "house": Style(
        (116, 130), (_FOUR,), (_BACKBEAT, "." * 16), (_OFFBEATS, "o.x.o.x.o.x.o.x.", "ooxoooxoooxoooxo"),
        ("..x...x...x...x.", "x..x..x.x..x..x.", "x.....x.x...x.x."), ("..x...x...x...x.", "x..x..x...x.....", _BAR_LONG),
        _MIXED, swing=0.1,
    ),
    "techno": Style(
        (124, 148), (_FOUR,), ("." * 16, _BACKBEAT), (_OFFBEATS, "ooxoooxoooxoooxo"),
        ("..xx..xx..xx..xx", ".xxx.xxx.xxx.xxx"), ("...x..x.....x...", *_PADS), ("x..x..x..x..x.x.", "." * 16),
    ),
    "trance": Style(
        (130, 146), (_FOUR,), (_BACKBEAT,), (_OFFBEATS, "ooxoooxoooxoooxo"),
        ("..x...x...x...x.", ".xxx.xxx.xxx.xxx"), _PADS, ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx"),
    ),
    "hardcore": Style(
        (155, 190), (_FOUR,), ("." * 16, _BACKBEAT), (_OFFBEATS,), ("..x...x...x...x.", "x...x...x...x..."),
        ("x...x...x...x...", *_PADS), _MIXED,
    ),
    "breaks": Style(
        (118, 142), ("x.........x.....", "x..x......x.....", "x......x..x..x.."), (_BACKBEAT, "....x..o.o..x..o"),
        (_EIGHTHS, _SIXTEENTHS), ("x..x......x.x...", "x.....x...x....."), _PADS, _MIXED,
    ),
    "electro": Style(
        (108, 136), ("x.....x...x.....", "x..x..x...x.....", "x.....x.x.x..x.."), (_BACKBEAT,),
        (_EIGHTHS, _SIXTEENTHS), ("x.xx..x.x.xx..x.", "x.x.x.x.x.x.x.x."), _PADS, ("x.x.x.x.x.x.x.x.", *_MIXED),
    ),
    "garage": Style(
        (126, 136), ("x.........x.....", "x......x..x.....", _FOUR), (_BACKBEAT,),
        ("..x...x...x...x.", "o.x.o.xoo.x.o.xo"), ("x..x......x..x..", "x.....x..x......"), ("x..x....x..x....", *_PADS),
        _MIXED, swing=0.25,
    ),
    "hip hop": Style(
        (78, 104), ("x.........x.....", "x......x..x.....", "x.x.......x..x..", "x..x...x.xx....."),
        (_BACKBEAT, "....x..o.o..x..."), (_EIGHTHS, "x.x.x.xox.x.x.xo", _SIXTEENTHS),
        ("x......x..x.....", "x..x......x.....", "x.........x.x..."), ("x.......x.......", *_PADS),
        ("x..x..x.........", "..x.x...x.......", "x.x...x...x.x..."), swing=0.2,
    ),
    "slow": Style(
        (62, 82), ("x.........x.....", "x..x....x.......", "x......xx......."), (_BACKBEAT,),
        (_EIGHTHS, _SIXTEENTHS, "x.xxx.x.x.xxx.xo"), ("x.........x.....", "x..x....x..x...."), ("x.......x.......", *_PADS),
        ("x.xx..x...x.x...", "..x.x.xx........"), swing=0.15,
    ),
    "downtempo": Style(
        (84, 112), ("x.......x.......", "x.........x.....", "x.....x.x......."), (_BACKBEAT,), (_EIGHTHS, "..o...o...o...o."),
        ("x.......x.......", "x.....x.x......."), _PADS, _MIXED,
    ),
    "dembow": Style(
        (86, 104), (_FOUR, "x.......x......."), ("...x..x....x..x.",), (_EIGHTHS, "..x...x...x...x."),
        ("x.....x.x.....x.", "x..x..x.x..x..x."), ("..x...x...x...x.", *_PADS), _MIXED,
    ),
    "pop": Style(
        (92, 142), ("x.......x.......", "x.......x.x.....", "x.....x.x......."), (_BACKBEAT,), (_EIGHTHS, "x...x...x...x..."),
        ("x.x.x.x.x.x.x.x.", "x.......x......."), ("x.......x.......", "x...x...x...x..."), ("x...x.x.x...x...", *_MIXED),
    ),
    "synthwave": Style(
        (80, 118), ("x.......x.......", _FOUR), (_BACKBEAT,), (_EIGHTHS, _SIXTEENTHS),
        ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", ".xxx.xxx.xxx.xxx"), _PADS, ("x.x.x.x.x.x.x.x.", *_MIXED),
    ),
    "fast rock": Style(
        (150, 204), ("x.......x.......", "x.......x.x.....", "x.x.....x.x.....", "x.xxx.xxx.xxx.xx"), (_BACKBEAT, "..x...x...x...x."),
        ("x...x...x...x...", _EIGHTHS), ("x.x.x.x.x.x.x.x.", "x...x...x...x..."), ("x.......x.......", "x.x.x.x.x.x.x.x."),
        ("x...x.x.x...x...", "x.......x...x..."),
    ),
    "drum and bass": Style(
        (165, 182), ("x.........x.....", "x.........x....." "x..x......x.....", "x.x.......x....."),
        (_BACKBEAT, "....x..o.o..x..o"), (_EIGHTHS, "x...x...x...x...", "..x...x...x...x.", _SIXTEENTHS),
        ("x...............", "x.........x.....", "x..x..x...x.....", "x.......x......." "......x...x....."),
        (_BAR_LONG + "." * 16, "x..x..x........."), ("x.....x...x.....", "x...x...x...x...", "x..............." + "." * 16),
    ),
    "jungle": Style(
        (154, 178), ("x.x.......xx....", "x.x.......xx...." "x.x.......x....."), ("....x..o.o..x..o", "....x..o.o....x."),
        (_EIGHTHS, _SIXTEENTHS), ("x...............", "x.....x...x.....", "x.......x..x...."), _PADS,
        ("x.....x...x.....", "x...x...x...x...", "." * 16),
    ),
    "footwork": Style(
        (152, 164), ("x..x..x.x..x..x.", "x..x..x...x..x..", "x.....x.....x..."), ("........x.......", "............x...", _BACKBEAT),
        (_EIGHTHS, "..x...x...x...x."), ("x..x..x.........", "x.....x.....x..."), _PADS, _MIXED,
    ),
    "dubstep": Style(
        (136, 150), ("x...............", "x.....x.........", "x.............x." "x.....x..x......"), ("........x.......",),
        (_EIGHTHS, "..x...x...x...x.", "x..x..x.x..x..x."), ("x..x..x.x..x..x.", "x.......x.x.x.x.", "x.x.x.x...x...x."),
        _PADS, ("x.....x.....x...", "." * 16), half_time=True,
    ),
    "trap": Style(
        (126, 164), ("x.....x.........", "x......x..x.....", "x.........x..x..", "x.....x......x.." "x.x.......x....."),
        ("........x.......", "........x......o"), (_EIGHTHS, "x.x.x.x.x.xxx.x.", "x.x.xxx.x.x.xxxx"),
        ("x.....x.........", "x.........x.....", "x..............."), _PADS, ("x...x.x.....x...", "x.......x.x.....", "x..x..x...x....."),
        half_time=True,
    ),
    "drill": Style(
        (138, 148), ("x.....x.....x...", "x..x......x....."), ("........x.......", "........x.....x." "......x...x....."),
        ("x..x..x.x..x..x.", "x..x..x...x.x..."), ("x.....x.....x...", "x.........x....."), _PADS, _MIXED, half_time=True,
    ),
    "steppers": Style(
        (130, 150), (_FOUR, "x.......x......."), ("........x.......",), (_EIGHTHS, _OFFBEATS), ("x.....x.x...x...", "x.x...x.........",),
        ("....x.......x...",), ("x.....x.....x...", "." * 16), half_time=True,
    ),
}  # fmt: skip


def groove(style: Style, bpm: float, seconds: float, seed: int = 0) -> Signal:
    """A made-up track in a style: each phrase has some of its voices, each bar a few notes more or less."""
    rng = np.random.default_rng(seed)
    samples = 1e-4 * np.random.default_rng(seed + 1).standard_normal(round(seconds * RATE)).astype(np.float32)
    step_s = 60 / bpm / 4
    bars = int(seconds / step_s / _STEPS_PER_BAR)
    swing = rng.uniform(0, style.swing) * step_s
    root = float(rng.uniform(41, 65))
    voices: list[tuple[tuple[str, ...], float, Callable[[float], Signal]]] = [
        (style.kick, 0.95, _kick(rng)),
        (style.snare, 0.95, _snare(rng)),
        (style.hat, 0.9, _hat(rng)),
        (style.bass, 0.85, _notes(rng, root, 1, rng.uniform(0.15, 0.9) * 4 * step_s, rng.uniform(200, 900))),
        (style.chords, 0.7, _notes(rng, root * 4, 3, rng.uniform(1, 8) * step_s, rng.uniform(800, 4000))),
        (style.melody, 0.6, _notes(rng, root * 8, 1, rng.uniform(0.8, 3) * step_s, rng.uniform(1500, 6000))),
    ]
    for rhythms, presence, sound in voices:
        rhythm, level = str(rng.choice(list(rhythms))), float(rng.uniform(0.35, 1.0))
        notes: list[Signal] = [sound(step_s) for _ in range(4)]
        for bar in range(bars):
            if bar % _PHRASE_BARS == 0:
                sounding = bool(rng.random() < presence)
            if not sounding:
                continue
            for step in range(_STEPS_PER_BAR):
                loudness = _loudness(rhythm[(bar * _STEPS_PER_BAR + step) % len(rhythm)], rng)
                if loudness:
                    at = round(((bar * _STEPS_PER_BAR + step) * step_s + (swing if step % 2 else 0)) * RATE)
                    note = notes[(bar // 2 + step // 4) % len(notes)][: max(0, len(samples) - at)]
                    samples[at : at + len(note)] += np.float32(level * loudness) * note
    return samples


def _loudness(mark: str, rng: np.random.Generator) -> float:
    chance, loudness = {"x": (0.97, 1.0), "o": (0.9, 0.45), "?": (0.5, 0.8), ".": (0.01, 0.4)}[mark]
    return loudness * float(rng.uniform(0.85, 1.0)) if rng.random() < chance else 0.0


def _decay(seconds: float, half_life_s: float) -> Signal:
    return np.exp2(-np.arange(round(seconds * RATE)) / RATE / half_life_s).astype(np.float32)


def _kick(rng: np.random.Generator) -> Callable[[float], Signal]:
    low, high, half_life = rng.uniform(42, 60), rng.uniform(100, 300), rng.uniform(0.04, 0.12)
    shape = _decay(0.35, half_life)
    turns = np.cumsum(low + high * _decay(0.35, 0.015)) / RATE
    sound = (shape * np.sin(2 * np.pi * turns)).astype(np.float32)
    return lambda _: sound


def _snare(rng: np.random.Generator) -> Callable[[float], Signal]:
    noise = rng.standard_normal(round(0.3 * RATE)).astype(np.float32) * _decay(0.3, rng.uniform(0.02, 0.06))
    body = np.sin(2 * np.pi * rng.uniform(160, 260) * np.arange(len(noise)) / RATE) * _decay(0.3, 0.03)
    sound = (0.25 * noise + rng.uniform(0.1, 0.5) * body).astype(np.float32)
    return lambda _: sound


def _hat(rng: np.random.Generator) -> Callable[[float], Signal]:
    noise = np.diff(rng.standard_normal(round(0.15 * RATE) + 1)).astype(np.float32)
    sound = (rng.uniform(0.05, 0.2) * noise * _decay(0.15, rng.uniform(0.008, 0.04))).astype(np.float32)
    return lambda _: sound


def _notes(
    rng: np.random.Generator, root: float, voices: int, length_s: float, brightness: float
) -> Callable[[float], Signal]:
    """Notes of a few harmonics on a minor scale."""

    def note(_: float) -> Signal:
        times = np.arange(round(min(length_s, 2.0) * RATE)) / RATE
        sound = np.zeros(len(times))
        for interval in rng.choice([0, 3, 5, 7, 10, 12], voices, replace=False):
            hz = root * 2 ** (interval / 12)
            for harmonic in range(1, max(2, int(brightness / hz) + 1)):
                sound += np.sin(2 * np.pi * hz * harmonic * times) / harmonic
        fade = np.minimum(1, np.minimum(times / 0.004, (times[-1] - times) / 0.02))
        return (0.15 * sound * fade * np.exp2(-times / rng.uniform(0.1, 1.0))).astype(np.float32)

    return note
