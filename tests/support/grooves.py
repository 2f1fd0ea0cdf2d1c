"""Made-up grooves of styles whose written tempo and feel are known: drums, bass, chords and a melody on sixteenths."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from tests.support.dummies import RATE, Signal

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


_TABLE: Final = """
house, 116 to 130 BPM, swing 0.1
  kick   x...x...x...x...
  snare  ....x.......x... ................
  hat    ..x...x...x...x. o.x.o.x.o.x.o.x. ooxoooxoooxoooxo
  bass   ..x...x...x...x. x..x..x.x..x..x. x.....x.x...x.x.
  chords ..x...x...x...x. x..x..x...x..... x...............
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
techno, 124 to 148 BPM, swing 0
  kick   x...x...x...x...
  snare  ................ ....x.......x...
  hat    ..x...x...x...x. ooxoooxoooxoooxo
  bass   ..xx..xx..xx..xx .xxx.xxx.xxx.xxx
  chords ...x..x.....x... x............... x...............................
  melody x..x..x..x..x.x. ................
trance, 130 to 146 BPM, swing 0
  kick   x...x...x...x...
  snare  ....x.......x...
  hat    ..x...x...x...x. ooxoooxoooxoooxo
  bass   ..x...x...x...x. .xxx.xxx.xxx.xxx
  chords x............... x...............................
  melody x.x.x.x.x.x.x.x. xxxxxxxxxxxxxxxx
hardcore, 155 to 190 BPM, swing 0
  kick   x...x...x...x...
  snare  ................ ....x.......x...
  hat    ..x...x...x...x.
  bass   ..x...x...x...x. x...x...x...x...
  chords x...x...x...x... x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
breaks, 118 to 142 BPM, swing 0
  kick   x.........x..... x..x......x..... x......x..x..x..
  snare  ....x.......x... ....x..o.o..x..o
  hat    x.o.x.o.x.o.x.o. xooooxoooxooxooo
  bass   x..x......x.x... x.....x...x.....
  chords x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
electro, 108 to 136 BPM, swing 0
  kick   x.....x...x..... x..x..x...x..... x.....x.x.x..x..
  snare  ....x.......x...
  hat    x.o.x.o.x.o.x.o. xooooxoooxooxooo
  bass   x.xx..x.x.xx..x. x.x.x.x.x.x.x.x.
  chords x............... x...............................
  melody x.x.x.x.x.x.x.x. x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
garage, 126 to 136 BPM, swing 0.25
  kick   x.........x..... x......x..x..... x...x...x...x...
  snare  ....x.......x...
  hat    ..x...x...x...x. o.x.o.xoo.x.o.xo
  bass   x..x......x..x.. x.....x..x......
  chords x..x....x..x.... x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
hip hop, 78 to 104 BPM, swing 0.2
  kick   x.........x..... x......x..x..... x.x.......x..x.. x..x...x.xx.....
  snare  ....x.......x... ....x..o.o..x...
  hat    x.o.x.o.x.o.x.o. x.x.x.xox.x.x.xo xooooxoooxooxooo
  bass   x......x..x..... x..x......x..... x.........x.x...
  chords x.......x....... x............... x...............................
  melody x..x..x......... ..x.x...x....... x.x...x...x.x...
slow, 62 to 82 BPM, swing 0.15
  kick   x.........x..... x..x....x....... x......xx.......
  snare  ....x.......x...
  hat    x.o.x.o.x.o.x.o. xooooxoooxooxooo x.xxx.x.x.xxx.xo
  bass   x.........x..... x..x....x..x....
  chords x.......x....... x............... x...............................
  melody x.xx..x...x.x... ..x.x.xx........
downtempo, 84 to 112 BPM, swing 0
  kick   x.......x....... x.........x..... x.....x.x.......
  snare  ....x.......x...
  hat    x.o.x.o.x.o.x.o. ..o...o...o...o.
  bass   x.......x....... x.....x.x.......
  chords x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
dembow, 86 to 104 BPM, swing 0
  kick   x...x...x...x... x.......x.......
  snare  ...x..x....x..x.
  hat    x.o.x.o.x.o.x.o. ..x...x...x...x.
  bass   x.....x.x.....x. x..x..x.x..x..x.
  chords ..x...x...x...x. x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
pop, 92 to 142 BPM, swing 0
  kick   x.......x....... x.......x.x..... x.....x.x.......
  snare  ....x.......x...
  hat    x.o.x.o.x.o.x.o. x...x...x...x...
  bass   x.x.x.x.x.x.x.x. x.......x.......
  chords x.......x....... x...x...x...x...
  melody x...x.x.x...x... x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
synthwave, 80 to 118 BPM, swing 0
  kick   x.......x....... x...x...x...x...
  snare  ....x.......x...
  hat    x.o.x.o.x.o.x.o. xooooxoooxooxooo
  bass   x.x.x.x.x.x.x.x. xxxxxxxxxxxxxxxx .xxx.xxx.xxx.xxx
  chords x............... x...............................
  melody x.x.x.x.x.x.x.x. x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
fast rock, 150 to 204 BPM, swing 0
  kick   x.......x....... x.......x.x..... x.x.....x.x..... x.xxx.xxx.xxx.xx
  snare  ....x.......x... ..x...x...x...x.
  hat    x...x...x...x... x.o.x.o.x.o.x.o.
  bass   x.x.x.x.x.x.x.x. x...x...x...x...
  chords x.......x....... x.x.x.x.x.x.x.x.
  melody x...x.x.x...x... x.......x...x...
drum and bass, 165 to 182 BPM, swing 0
  kick   x.........x..... x.........x.....x..x......x..... x.x.......x.....
  snare  ....x.......x... ....x..o.o..x..o
  hat    x.o.x.o.x.o.x.o. x...x...x...x... ..x...x...x...x. xooooxoooxooxooo
  bass   x............... x.........x..... x..x..x...x..... x.......x.............x...x.....
  chords x............................... x..x..x.........
  melody x.....x...x..... x...x...x...x... x...............................
jungle, 154 to 178 BPM, swing 0
  kick   x.x.......xx.... x.x.......xx....x.x.......x.....
  snare  ....x..o.o..x..o ....x..o.o....x.
  hat    x.o.x.o.x.o.x.o. xooooxoooxooxooo
  bass   x............... x.....x...x..... x.......x..x....
  chords x............... x...............................
  melody x.....x...x..... x...x...x...x... ................
footwork, 152 to 164 BPM, swing 0
  kick   x..x..x.x..x..x. x..x..x...x..x.. x.....x.....x...
  snare  ........x....... ............x... ....x.......x...
  hat    x.o.x.o.x.o.x.o. ..x...x...x...x.
  bass   x..x..x......... x.....x.....x...
  chords x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
dubstep, 136 to 150 BPM, swing 0, half-time
  kick   x............... x.....x......... x.............x.x.....x..x......
  snare  ........x.......
  hat    x.o.x.o.x.o.x.o. ..x...x...x...x. x..x..x.x..x..x.
  bass   x..x..x.x..x..x. x.......x.x.x.x. x.x.x.x...x...x.
  chords x............... x...............................
  melody x.....x.....x... ................
trap, 126 to 164 BPM, swing 0, half-time
  kick   x.....x......... x......x..x..... x.........x..x.. x.....x......x..x.x.......x.....
  snare  ........x....... ........x......o
  hat    x.o.x.o.x.o.x.o. x.x.x.x.x.xxx.x. x.x.xxx.x.x.xxxx
  bass   x.....x......... x.........x..... x...............
  chords x............... x...............................
  melody x...x.x.....x... x.......x.x..... x..x..x...x.....
drill, 138 to 148 BPM, swing 0, half-time
  kick   x.....x.....x... x..x......x.....
  snare  ........x....... ........x.....x.......x...x.....
  hat    x..x..x.x..x..x. x..x..x...x.x...
  bass   x.....x.....x... x.........x.....
  chords x............... x...............................
  melody x..x..x...x.x... x...x.x.....x.x. x.....x...x..... x.x.x.x.x.x.x.x.
steppers, 130 to 150 BPM, swing 0, half-time
  kick   x...x...x...x... x.......x.......
  snare  ........x.......
  hat    x.o.x.o.x.o.x.o. ..x...x...x...x.
  bass   x.....x.x...x... x.x...x.........
  chords ....x.......x...
  melody x.....x.....x... ................
"""


def _read_styles() -> dict[str, Style]:
    styles = {}
    for block in re.split(r"\n(?=\S)", _TABLE.strip()):
        head, *lanes = block.splitlines()
        name, bpms, swing, *half = head.split(", ")
        slow, fast = (float(bpm) for bpm in bpms.removesuffix(" BPM").split(" to "))
        rhythms = [tuple(lane.split()[1:]) for lane in lanes]
        styles[name] = Style((slow, fast), *rhythms, half_time=bool(half), swing=float(swing.split()[1]))
    return styles


STYLES: Final = _read_styles()


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
