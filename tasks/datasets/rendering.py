"""Rendering planned mixes to audio and log-mels: the same row of a plan always gives the same samples."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.datasets.plan import Mix, Voice
from storage.loops.table import Loop
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES, Kind
from tasks.audio.decoding import Samples
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.effects import apply_effect
from tasks.features.mel import cut_segments, log_compress, mel_power, normalise_level
from tasks.features.mel_config import Matrix, MelConfig
from tasks.structure.segments import loop_mels, one_shot_bounds

RENDER_VERSION: Final = 5
"""Raised whenever the same plan would give other samples or features."""

_PEAK: Final = 0.98
_FADE_S: Final = 0.005


def render_mix(mix: Mix, loops: Mapping[str, Loop], sample_rate: int, stretched: StretchedLoops) -> Samples:
    """Four bars of a mix as mono samples (n,) at `sample_rate`, peaks kept under full scale.

    `stretched` is only a cache. Raises `AudioError` if a loop's file cannot be decoded.
    """
    total = np.zeros(_length(mix, sample_rate), np.float32)
    for samples in render_voices(mix, loops, sample_rate, stretched):
        total += samples
    for effect in mix.effects:
        total = apply_effect(total, effect, sample_rate)
    peak = float(np.abs(total).max())
    return np.asarray(total * np.float32(min(1.0, _PEAK / max(peak, 1e-9))), np.float32)


def render_voices(
    mix: Mix, loops: Mapping[str, Loop], sample_rate: int, stretched: StretchedLoops
) -> Iterator[Samples]:
    """Four bars of each voice of a mix (n,), in their order and at their levels, before effects.

    Raises `AudioError` if a loop's file cannot be decoded.
    """
    beat, length = 60.0 / mix.bpm * sample_rate, _length(mix, sample_rate)
    for voice in mix.voices:
        form = stretched.get(loops[voice.loop_id], voice.speed, voice.semitones, sample_rate)
        yield repeat_loop(form, voice, beat, length, sample_rate) * np.float32(10 ** (voice.gain_db / 20))


def _length(mix: Mix, sample_rate: int) -> int:
    """Samples of four bars."""
    return round(BARS_PER_SEGMENT * 60.0 * BEATS_PER_BAR / mix.bpm * sample_rate)


def repeat_loop(samples: Samples, voice: Voice, beat: float, length: int, sample_rate: int) -> Samples:
    """A loop (n,) from the voice's beat on, repeated on the beat until it is `length` long.

    What is over after its whole beats fades out into its next repetition, and an end before them fades into the gap.
    The last milliseconds are then bent until they meet the head, so that no join clicks; a loop that is periodic by
    itself changes by less than one of its own steps.
    """
    beats = max(1, round(len(samples) / beat))
    period = round(beats * beat)
    fade = round(_FADE_S * sample_rate)
    turn = np.zeros(period, np.float32)
    turn[: min(period, len(samples))] = samples[:period]
    rising = np.linspace(0, 1, fade, dtype=np.float32)
    if len(samples) < period:
        turn[len(samples) - fade : len(samples)] *= rising[::-1]
    over = samples[period : period + fade]
    if len(over) == fade:
        turn[:fade] += over * rising[::-1]
    turn[-fade:] += (turn[0] - turn[-1]) * rising
    start = round(voice.offset_beats % beats * beat)
    return np.resize(np.roll(turn, -start), length)


def mix_features(samples: Samples, bpm: float, config: MelConfig) -> Matrix:
    """The log-mel of four bars: (frames_per_segment, mels), level-normalised."""
    power = normalise_level(mel_power(samples, config))
    bar_s = 60.0 * BEATS_PER_BAR / bpm
    segment: Matrix = log_compress(cut_segments(power, np.zeros(1), bar_s, config))[0]
    return segment


def one_shot_features(samples: Samples, config: MelConfig) -> Matrix:
    """The log-mel of a one-shot, as it is labelled: (frames_per_segment, mels), level-normalised, its own length a bar.

    Of one longer than four bars, the first four.
    """
    power = normalise_level(mel_power(samples, config))
    segment: Matrix = log_compress(loop_mels(power, one_shot_bounds(len(samples) / config.sample_rate), config))[0]
    return segment


def label_row(mix: Mix) -> list[int]:
    """The labels of a mix: 1, 0, or -1 for unknown, for each of `ROLES`."""
    return [-1 if role in mix.unknown_roles else int(role in mix.roles) for role in ROLES]


def render_features(
    mixes: Sequence[Mix], loops: Mapping[str, Loop], config: MelConfig, stretched: StretchedLoops | None = None
) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Labels (n, roles) and log-mels (n, frames_per_segment, mels), in the mixes' order.

    Raises `AudioError` naming the first loop that cannot be decoded: a data set is whole or it is not made.
    """
    stretched = stretched or StretchedLoops()
    labels = np.array([label_row(mix) for mix in mixes], np.int8)
    mels = np.empty((len(mixes), config.frames_per_segment, config.mels), np.float16)
    for place, mix in enumerate(mixes):
        if mix.kind == Kind.ONESHOT:
            form = stretched.get(loops[mix.voices[0].loop_id], 1.0, 0, config.sample_rate)
            mels[place] = one_shot_features(form, config)
        else:
            samples = render_mix(mix, loops, config.sample_rate, stretched)
            mels[place] = mix_features(samples, mix.bpm, config)
    return labels, mels
