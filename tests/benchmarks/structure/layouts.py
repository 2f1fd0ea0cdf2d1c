"""Loop layouts (J. B. L. Smith, ISMIR 2020): which loop sounds in which bar, rendered with loops of known role."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from python_stretch.Signalsmith import Stretch

from storage.vocabulary import ROLES
from tasks.audio.decoding import Samples, decode
from tasks.features.mel import cut_segments, mel_power, normalise_level
from tasks.features.mel_config import Matrix, MelConfig

BAR_S: Final = 2.0
_LEVEL: Final = 0.1
_RATE: Final = 16_000


@dataclass(frozen=True)
class Layout:
    """A song: which of its loops (rows) sounds in which bar (columns), and the role of each loop."""

    name: str
    playing: NDArray[np.bool_]
    roles: tuple[str, ...]

    @property
    def role_truth(self) -> NDArray[np.bool_]:
        """(roles, bars) in the order of `ROLES`."""
        return np.stack([self.playing[[one == role for one in self.roles]].any(axis=0) for role in ROLES])


def read_layouts(folder: Path, kind: str, count: int) -> Iterator[Layout]:
    """The first layouts of a kind: composed, facto, sparse, dense; shuffled is facto with pairs of bars permuted."""
    for number in range(count):
        path = folder / f"{'facto' if kind == 'shuffled' else kind}_{number}_plan.txt"
        with path.open(newline="") as file:
            playing = np.array([[float(cell) for cell in row[1:]] for row in list(csv.reader(file))[1:]]) > 0
        rng = np.random.default_rng(number)
        if kind == "shuffled":
            pairs = rng.permutation(playing.shape[1] // 2)
            playing = playing[:, np.stack([2 * pairs, 2 * pairs + 1], axis=1).ravel()]
        if kind in ("sparse", "dense"):
            roles = ("percussion",) * 5 + ("bass", "melody", "fx", "bass", "melody")
        else:
            roles = ("percussion", "melody", "bass", "fx")
        yield Layout(f"{kind} {number}", playing, roles)


def one_bar_loops(manifest: Path, groups: Sequence[str]) -> dict[str, list[Path | tuple[Path, float]]]:
    """Loops of one role whose group is named, with their tempo; read from a corpus' manifest."""
    found: dict[str, list[tuple[Path, float]]] = {role: [] for role in ROLES}
    with manifest.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["group"] in groups and row["roles"] in found and float(row["duration_s"]) >= BAR_S / 2:
                found[row["roles"]].append((manifest.parent / row["path"], float(row["bpm"] or 120)))
    return found  # type: ignore[return-value]


@lru_cache(maxsize=512)
def one_bar(path: Path, bpm: float) -> Samples:
    """The first bar of a loop as two seconds, at one loudness; a slow or fast loop as half or double its tempo."""
    while bpm > 170:
        bpm /= 2
    while bpm < 85:
        bpm *= 2
    samples = decode(path, _RATE).samples
    stretch = Stretch(0)
    stretch.preset(1, _RATE)
    stretch.setTimeFactor(120.0 / bpm)
    stretched = np.asarray(stretch.process(samples[None, :]), np.float32).ravel()
    bar = np.resize(stretched, round(BAR_S * _RATE))
    return bar * np.float32(_LEVEL / max(float(np.sqrt(np.mean(bar**2))), 1e-6))


def render(layout: Layout, loops: Mapping[str, Sequence[tuple[Path, float]]], rng: np.random.Generator) -> Samples:
    """The layout as mono samples; each of its loops is drawn from those of its role, none twice."""
    song = np.zeros(layout.playing.shape[1] * round(BAR_S * _RATE), np.float32)
    drawn: set[Path] = set()
    for role, playing in zip(layout.roles, layout.playing, strict=True):
        choices = [one for one in loops[role] if one[0] not in drawn]
        path, bpm = choices[int(rng.integers(len(choices)))]
        drawn.add(path)
        song += np.concatenate([one_bar(path, bpm) * np.float32(on) for on in playing])
    return song


def bar_mels(song: Samples, config: MelConfig) -> Matrix:
    """Normalised mel power of each bar: (bars, frames_per_bar, mels)."""
    power = normalise_level(mel_power(song, config))
    bars = round(len(song) / _RATE / BAR_S)
    starts = np.arange(-(-bars // 4), dtype=np.float64) * 4 * BAR_S
    return cut_segments(power, starts, BAR_S, config).reshape(-1, config.frames_per_bar, config.mels)[:bars]
