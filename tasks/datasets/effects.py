"""Effects on whole mixes (reverb, filters, noise, codec): sampled with the plan, applied when it is rendered."""

import io
from collections.abc import Callable
from typing import Final

import numpy as np
import scipy.signal
import soundfile

from storage.datasets.plan import Effect
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR
from tasks.audio.decoding import Samples
from tasks.datasets.recipe import AugmentRules

_BEATS: Final = BARS_PER_SEGMENT * BEATS_PER_BAR


def sample_effects(rules: AugmentRules, random: np.random.Generator) -> tuple[Effect, ...]:
    """The effects of one mix, in the order in which they are applied.

    | kind | parameters |
    | --- | --- |
    | offset | `beats`: the mix is rotated by so many |
    | polarity | none: the waveform is inverted |
    | reverb | `seconds` to fall by 60 dB, `level_db` beside the dry sound, `seed` of its noise |
    | low_pass, high_pass | `hz`: where it falls by 3 dB; 12 dB an octave |
    | noise | `level_db` beside the mix, `seed` |
    | codec | `quality` of Vorbis, 0 to 1 |
    """

    def between(limits: tuple[float, float]) -> float:
        return round(float(random.uniform(*limits)), 3)

    def seed() -> float:
        return float(random.integers(1 << 31))

    shares_and_draws: list[tuple[float, str, Callable[[], dict[str, float]]]] = [
        (rules.offset_share, "offset", lambda: {"beats": float(random.integers(1, _BEATS))}),
        (rules.polarity_share, "polarity", dict),
        (
            rules.reverb_share,
            "reverb",
            lambda: {"seconds": between(rules.reverb_s), "level_db": between(rules.reverb_db), "seed": seed()},
        ),
        (rules.low_pass_share, "low_pass", lambda: {"hz": between(rules.low_pass_hz)}),
        (rules.high_pass_share, "high_pass", lambda: {"hz": between(rules.high_pass_hz)}),
        (rules.noise_share, "noise", lambda: {"level_db": between(rules.noise_db), "seed": seed()}),
        (rules.codec_share, "codec", lambda: {"quality": between(rules.codec_quality)}),
    ]
    return tuple(Effect(kind, draw()) for share, kind, draw in shares_and_draws if random.random() < share)


def apply_effect(samples: Samples, effect: Effect, sample_rate: int) -> Samples:
    """Mono samples (n,) with one effect on them: as many, and the same whenever it is done."""
    changed = _APPLIED[effect.kind](samples, effect.parameters, sample_rate)
    return np.ascontiguousarray(changed, np.float32)


def _offset(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    return np.roll(samples, -round(of["beats"] * len(samples) / _BEATS))


def _polarity(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    return -samples


def _reverb(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    """Exponentially falling noise as an impulse response (Moorer, 1979), around the loop: its tail enters the head."""
    length = min(len(samples), round(of["seconds"] * sample_rate))
    fall = np.exp(-np.log(1e3) * np.arange(length) / (of["seconds"] * sample_rate))
    response = np.random.default_rng(int(of["seed"])).standard_normal(length) * fall
    wet = scipy.fft.irfft(scipy.fft.rfft(samples) * scipy.fft.rfft(response, len(samples)), len(samples))
    level = 10 ** (of["level_db"] / 20) * _rms(samples) / max(_rms(wet), 1e-9)
    return np.asarray(samples + level * wet, np.float32)


def _low_pass(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    return _filtered(samples, of["hz"], "lowpass", sample_rate)


def _high_pass(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    return _filtered(samples, of["hz"], "highpass", sample_rate)


def _filtered(samples: Samples, hertz: float, kind: str, sample_rate: int) -> Samples:
    sections = scipy.signal.butter(2, min(hertz, 0.49 * sample_rate), kind, fs=sample_rate, output="sos")
    return np.asarray(scipy.signal.sosfilt(sections, samples), np.float32)


def _noise(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    noise = np.random.default_rng(int(of["seed"])).standard_normal(len(samples), np.float32)
    return samples + noise * np.float32(10 ** (of["level_db"] / 20) * _rms(samples))


def _codec(samples: Samples, of: dict[str, float], sample_rate: int) -> Samples:
    """To Ogg Vorbis and back, in memory."""
    written = io.BytesIO()
    with soundfile.SoundFile(
        written, "w", sample_rate, 1, "VORBIS", format="OGG", compression_level=1 - of["quality"]
    ) as file:
        file.write(samples)
    written.seek(0)
    read, _ = soundfile.read(written, len(samples), dtype="float32", fill_value=0.0)
    return np.asarray(read, np.float32)


def _rms(samples: Samples) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


_APPLIED: Final = {
    "offset": _offset,
    "polarity": _polarity,
    "reverb": _reverb,
    "low_pass": _low_pass,
    "high_pass": _high_pass,
    "noise": _noise,
    "codec": _codec,
}
