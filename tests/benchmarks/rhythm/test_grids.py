"""How often tempo and first downbeat are found, on compositions whose truth is known; prints a table.

Each composition is tried five times: whole; 60 seconds from a random place; from a random place to the end; its first
90 seconds stretched by 2 to 8 %, after silence; and 90 seconds from a random place, stretched. The estimator's numbers
were chosen for or fitted to the compositions named in DEVELOPED_ON, by author and game, and for its downbeat to tracker
modules by other authors (`test_grid_weights.py`); the table is of all others, so nobody is on both sides.
ROLECALL_SIDE=develop gives the other table, ROLECALL_LIBROSA=1 adds librosa's.
"""

import io
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import librosa
import numpy as np
import pytest
import soundfile
from python_stretch.Signalsmith import Stretch

from tasks.audio.decoding import Samples, decode
from tasks.features.mel import mel_power, normalise_level
from tasks.rhythm.grid import Grid, estimate_grid
from tasks.rhythm.onsets import GRID_MEL, onset_envelope
from tasks.rhythm.pulse import refine
from tasks.sources.compositions import Composition, read_compositions

DEVELOPED_ON: Final = (
    *("mod_heroes", "mod_bomberclone", "lmms_capdan", "lmms_alf42red", "lmms_dirtylove"),
    *("lmms_esoxlb", "lmms_farbro", "lmms_oglsdl", "lmms_socceroos"),
)
pytestmark = pytest.mark.benchmark

SURE: Final = 0.7
HALF_IS_FAIR_BPM: Final = 165.0
_TEMPOGRAM_FRAMES: Final = 1536


@dataclass(frozen=True)
class Case:
    """A variant of a composition: its samples, its written tempo, its tempo as rendered, a bar line of a phrase."""

    name: str
    variant: str
    samples: Samples
    bpm: float
    rendered_bpm: float
    phrase_s: float


@dataclass(frozen=True)
class Score:
    """What came out: tempo right (4 %), right or fairly half, to 0.05 of the written and of the rendered tempo, …"""

    found: bool
    confident: bool
    right: bool
    fair: bool
    exact_written: bool
    exact_rendered: bool
    on_bar: bool
    on_phrase: bool


def cases(composition: Composition, rng: np.random.Generator) -> Iterator[Case]:
    """Five variants of a composition, drawn by `rng`."""
    rate, bpm = GRID_MEL.sample_rate, composition.bpm
    samples = decode(composition.audio, rate).samples
    rendered = rendered_bpm(samples, bpm)

    def cut(samples: Samples, from_s: float, to_s: float) -> Samples:
        return samples[round(from_s * rate) : round(to_s * rate)]

    duration_s = len(samples) / rate
    yield Case(composition.name, "whole", samples, bpm, rendered, 0.0)
    start_s = float(rng.uniform(0, max(1.0, duration_s - 60)))
    yield Case(composition.name, "minute", cut(samples, start_s, start_s + 60), bpm, rendered, -start_s)
    start_s = float(rng.uniform(1, duration_s / 2))
    yield Case(composition.name, "late", cut(samples, start_s, duration_s), bpm, rendered, -start_s)
    for variant in ("silence", "stretched"):
        factor = float(rng.uniform(1.02, 1.08) ** rng.choice([-1, 1]))
        if variant == "silence":
            shift_s = float(rng.uniform(0.2, 4.0))
            silence = np.zeros(round(shift_s * rate), np.float32)
            faster = np.concatenate([silence, stretched(cut(samples, 0, 90), factor)])
        else:
            start_s = float(rng.uniform(1, max(2, duration_s - 90)))
            shift_s = -start_s / factor
            faster = stretched(cut(samples, start_s, start_s + 90), factor)
        yield Case(composition.name, variant, faster, bpm * factor, rendered * factor, shift_s)


def stretched(samples: Samples, factor: float) -> Samples:
    """Samples that run `factor` times as fast at the same pitch."""
    stretch = Stretch(0)
    stretch.preset(1, GRID_MEL.sample_rate)
    stretch.setTimeFactor(factor)
    return np.asarray(stretch.process(samples[None, :]), np.float32).ravel()


def rendered_bpm(samples: Samples, bpm: float) -> float:
    """The tempo at which a composition really runs: trackers round the length of a tick to whole samples."""
    return refine(onset_envelope(power_of(samples)), GRID_MEL.frame_rate, bpm, reach=0.003)


def power_of(samples: Samples) -> Samples:
    """Mel power as the labelling road has it."""
    return normalise_level(mel_power(samples, GRID_MEL))


def score(case: Case, bpm: float | None, downbeat_s: float | None, confidence: float) -> Score:
    """Judge a tempo and a first downbeat, where there are any."""
    if bpm is None:
        return Score(False, False, *(False,) * 6)
    octave = 2.0 if case.bpm >= HALF_IS_FAIR_BPM and abs(2 * bpm / case.bpm - 1) < 0.04 else 1.0
    bar_s = 240.0 / case.rendered_bpm
    late_s = 0.0 if downbeat_s is None else downbeat_s - case.phrase_s

    def on(period_s: float) -> bool:
        return downbeat_s is not None and abs(late_s - round(late_s / period_s) * period_s) <= 0.03

    return Score(
        found=True,
        confident=confidence >= SURE,
        right=abs(bpm / case.bpm - 1) <= 0.04,
        fair=abs(octave * bpm / case.bpm - 1) <= 0.04,
        exact_written=abs(octave * bpm - case.bpm) <= 0.05,
        exact_rendered=abs(octave * bpm - case.rendered_bpm) <= 0.05,
        on_bar=on(bar_s),
        on_phrase=on(4 * bar_s),
    )


def with_rolecall(case: Case) -> Score:
    """The estimator under test."""
    grid: Grid | None = estimate_grid(power_of(case.samples), GRID_MEL.frame_rate)
    if grid is None:
        return score(case, None, None, 0.0)
    return score(case, grid.tempo.bpm, grid.first_downbeat_s, grid.tempo.confidence)


def with_librosa(case: Case) -> Score:
    """librosa's beat tracker; it has no downbeats."""
    tempo, _ = librosa.beat.beat_track(y=case.samples, sr=GRID_MEL.sample_rate)
    return score(case, float(np.atleast_1d(tempo)[0]) or None, None, 1.0)


def with_tempogram(case: Case) -> Score:
    """The strongest tempo of 60 to 200 BPM in librosa's Fourier tempogram (Grosche and Müller, 2011), over the case."""
    envelope = librosa.onset.onset_strength(y=case.samples, sr=GRID_MEL.sample_rate)
    tempogram = librosa.feature.fourier_tempogram(
        onset_envelope=envelope, sr=GRID_MEL.sample_rate, win_length=_TEMPOGRAM_FRAMES
    )
    tempi = librosa.fourier_tempo_frequencies(sr=GRID_MEL.sample_rate, win_length=_TEMPOGRAM_FRAMES)
    strengths = np.where((tempi >= 60) & (tempi <= 200), np.abs(tempogram).mean(axis=1), 0.0)
    return score(case, float(tempi[strengths.argmax()]), None, 1.0)


def report(title: str, scores: list[Score]) -> None:
    """Print one line of the table."""
    sure = [one for one in scores if one.confident]
    shares = [
        np.mean([getattr(one, name) for one in scores])
        for name in ("right", "fair", "exact_written", "exact_rendered", "on_bar", "on_phrase")
    ]
    print(
        f"{title:22} {len(scores):4} "
        + " ".join(f"{100 * float(share):6.1f}" for share in shares)
        + f" {sum(not one.found for one in scores):4} {len(sure):4}"
        + (f" {100 * float(np.mean([one.fair for one in sure])):6.1f}" if sure else "")
    )


ESTIMATORS: dict[str, Callable[[Case], Score]] = {"rolecall": with_rolecall}
if os.environ.get("ROLECALL_LIBROSA"):
    ESTIMATORS |= {"librosa": with_librosa, "tempogram": with_tempogram}


def test_grids(corpus: Path) -> None:
    developing = os.environ.get("ROLECALL_SIDE") == "develop"
    scores: dict[tuple[str, str], list[Score]] = {}
    rng = np.random.default_rng(2022)
    decoding = finding = 0.0
    for composition in read_compositions(corpus / "tracks"):
        if composition.name.startswith(DEVELOPED_ON) != developing:
            continue
        decoding += cpu_seconds(soundfile.read, as_mp3(composition))
        finding += cpu_seconds(
            estimate_grid, power_of(decode(composition.audio, GRID_MEL.sample_rate).samples), GRID_MEL.frame_rate
        )
        for case in cases(composition, rng):
            for name, estimator in ESTIMATORS.items():
                found = estimator(case)
                scores.setdefault((name, "all"), []).append(found)
                scores.setdefault((name, case.variant), []).append(found)
                if name == "rolecall" and not (found.fair and found.on_phrase):
                    print(f"  missed: {case.name}, {case.variant}, {case.bpm:.2f} BPM: {found}")
    print("\nestimator, variant    cases  right   fair  ±0.05 (rend) on bar phrase none sure  fair")
    for (name, variant), found_ones in sorted(scores.items()):
        report(f"{name}, {variant}", found_ones)
    print(f"CPU seconds: {decoding:.2f} to decode the compositions as MP3, {finding:.2f} to find their grids")


def as_mp3(composition: Composition) -> io.BytesIO:
    samples, rate = soundfile.read(composition.audio, dtype="float32")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="MP3")
    file.seek(0)
    return file


def cpu_seconds(work: Callable[..., object], *given: object) -> float:
    began = time.process_time()
    work(*given)
    return time.process_time() - began
