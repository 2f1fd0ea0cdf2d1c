"""Rendering a planned mix: the same row gives the same samples, whoever renders it and when."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from python_stretch.Signalsmith import Stretch

from storage.loops import Loop
from storage.plans import Mix, Voice
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES
from tasks.audio import Samples, decode_cut
from tasks.mel import Matrix, MelConfig, cut_segments, log_compress, mel_power, normalise_level

RENDER_VERSION: Final = 1
"""Raised whenever the same plan would give other samples or features."""

_LEVEL: Final = 0.1
_PEAK: Final = 0.98


def render_mix(mix: Mix, loops: Mapping[str, Loop], sample_rate: int) -> Samples:
    """Four bars of a mix as mono samples (n,) at `sample_rate`, peaks kept under full scale.

    Raises `AudioError` if a loop's file cannot be decoded.
    """
    bar = 60.0 * BEATS_PER_BAR / mix.bpm * sample_rate
    total = np.zeros(round(BARS_PER_SEGMENT * bar), np.float32)
    for voice in mix.voices:
        loop = loops[voice.loop_id]
        total += _render_voice(voice, loop, bar / BEATS_PER_BAR, len(total), sample_rate)
    peak = float(np.abs(total).max())
    return np.asarray(total * min(1.0, _PEAK / max(peak, 1e-9)), np.float32)


def mix_features(samples: Samples, bpm: float, config: MelConfig) -> Matrix:
    """The log-mel of four bars: (frames_per_segment, mels), level-normalised."""
    power = normalise_level(mel_power(samples, config))
    bar_s = 60.0 * BEATS_PER_BAR / bpm
    segment: Matrix = log_compress(cut_segments(power, np.zeros(1), bar_s, config))[0]
    return segment


def _label(role: str, mix: Mix) -> int:
    return -1 if role in mix.unknown_roles else int(role in mix.roles)


def _render_voice(voice: Voice, loop: Loop, beat: float, length: int, sample_rate: int) -> Samples:
    samples = _stretched(loop, voice.speed, voice.semitones, sample_rate)
    filled = _fill(samples, beat, length)
    loudness = float(np.sqrt(np.mean(filled**2)))
    gain = _LEVEL * 10 ** (voice.gain_db / 20) / max(loudness, 1e-6)
    return np.asarray(filled * gain, np.float32)


def _stretched(loop: Loop, speed: float, semitones: int, sample_rate: int) -> Samples:
    samples = _loop_samples(Path(loop.path), loop.start_s, loop.duration_s, sample_rate)
    if abs(speed - 1) < 1e-6 and semitones == 0:
        return samples
    stretch = Stretch(0)
    stretch.preset(1, sample_rate)
    stretch.setTimeFactor(speed)
    stretch.setTransposeSemitones(semitones)
    stretched: Samples = np.asarray(stretch.process(samples[None, :]), np.float32)
    return stretched.ravel()


def _fill(samples: Samples, beat: float, length: int) -> Samples:
    """Cut a loop to `length`, or repeat it on the beat until it is that long."""
    beats = max(1, round(len(samples) / beat))
    period = round(beats * beat)
    if period >= length:
        return np.pad(samples[:length], (0, max(0, length - len(samples))))
    once = np.pad(samples[:period], (0, max(0, period - len(samples))))
    return np.asarray(np.resize(once, length), np.float32)


@lru_cache(maxsize=256)
def _loop_samples(path: Path, start_s: float, duration_s: float, sample_rate: int) -> Samples:
    return decode_cut(path, sample_rate, start_s, duration_s)


def render_features(
    mixes: Sequence[Mix], loops: Mapping[str, Loop], config: MelConfig
) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Labels (n, roles) of 1, 0 or -1 for unknown, and log-mels (n, frames_per_segment, mels), in the mixes' order.

    Raises `AudioError` naming the first loop that cannot be decoded: a data set is whole or it is not made.
    """
    labels = np.array([[_label(role, mix) for role in ROLES] for mix in mixes], np.int8)
    mels = np.empty((len(mixes), config.frames_per_segment, config.mels), np.float16)
    for place, mix in enumerate(mixes):
        mels[place] = mix_features(render_mix(mix, loops, config.sample_rate), mix.bpm, config)
    return labels, mels
