"""Beats and bar lines from the network "Beat This!", where its package and a checkpoint are at hand.

Foscarin, Schlüter and Widmer, "Beat This! Accurate Beat Tracking Without DBN Postprocessing" (ISMIR 2024). It finds
beats and bar lines in any music, and costs far more than the estimate that labelling makes by itself
(`tasks.rhythm.grid`). The exact tempo comes from the onset envelope, to 0.01 BPM; the octave and the bar line come
from the network. Which bar begins a phrase, which the network cannot say, comes from the changes of the sound.
"""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import librosa
import numpy as np
import soxr
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d
from torch import Tensor, nn

from storage.errors import UserError
from storage.vocabulary import BpmSource
from tasks.audio.decoding import Samples, decode
from tasks.features.mel import mel_power, normalise_level
from tasks.features.mel_config import Matrix
from tasks.rhythm.downbeat import (
    STEPS_PER_BAR,
    STEPS_PER_BEAT,
    STEPS_PER_PHRASE,
    Steps,
    head_of_phrase,
    sixteenths,
)
from tasks.rhythm.grid import RHYTHMIC, STEADY, Grid, Tempo
from tasks.rhythm.onsets import GRID_MEL, onset_envelope
from tasks.rhythm.pulse import find_pulse, steadiness

RATE: Final = 22_050
"""Sample rate of the network in Hz."""

_N_FFT, _HOP, _MELS, _LOWEST_HZ, _HIGHEST_HZ = 1024, 441, 128, 30, 11_000
_GAIN: Final = 1000.0
_FRAME_RATE: Final = RATE / _HOP
_OCTAVES: Final = (0.5, 1.0, 2.0)
_CHUNK, _BORDER = 1500, 6
"""Frames that the network was trained on at a time, and how many at either end of them it was not asked about."""

_NEAR: Final = 3
"""Frames of which the likeliest answers for a time: the nearest, the one before and the one after."""

_NAME_ONE: Final = "name a checkpoint as the authors of beat_this publish it, such as small0.ckpt"

_SHORTEST_S: Final = 30.0
"""Below this chance makes beats that fall in with a pulse."""

_CLEAR: Final = 0.25
"""By how much beats must be likelier than what lies halfway between them, and a bar line than the other beats."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BeatActivations:
    """How likely each fiftieth of a second is a beat, and a downbeat: (frames,) each, 0..1."""

    beats: Floats
    downbeats: Floats


def load_beat_network(checkpoint: Path) -> nn.Module:
    """The network with the weights of a checkpoint as its authors publish them; nothing is downloaded.

    Raises UserError without the package, and for a file that is no such checkpoint.
    """
    try:
        from beat_this.model.beat_tracker import BeatThis
    except ImportError:
        raise UserError("beat_this is not installed; pip install 'rolecall[beats]'") from None
    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
        known = inspect.signature(BeatThis).parameters
        network: nn.Module = BeatThis(
            **{name: value for name, value in stored["hyper_parameters"].items() if name in known}
        )
        network.load_state_dict({name.removeprefix("model."): value for name, value in stored["state_dict"].items()})
    except OSError as error:
        raise UserError(f"{checkpoint} cannot be read: {error.strerror}; {_NAME_ONE}") from None
    except Exception as error:
        raise UserError(f"{checkpoint} is no checkpoint of beat_this ({type(error).__name__}); {_NAME_ONE}") from None
    return network.eval()


def beat_this_grid(path: Path, network: nn.Module) -> Grid | None:
    """The grid of a file by the network; None where its beats are not clear. Raises `AudioError`."""
    samples = decode(path, RATE).samples
    resampled = np.asarray(soxr.resample(samples, RATE, GRID_MEL.sample_rate), np.float32)
    power = normalise_level(mel_power(resampled, GRID_MEL))
    return grid_from_beats(power, GRID_MEL.frame_rate, beat_activations(samples, network))


def beat_activations(samples: Samples, network: nn.Module) -> BeatActivations:
    """The beat and downbeat probabilities of mono samples (n,) at `RATE`, half a minute at a time."""
    frames, asked = 1 + len(samples) // _HOP, _CHUNK - 2 * _BORDER
    parts = []
    for start in range(0, frames, asked):
        first = max(0, min(start, frames - asked))
        end = min(frames, first + asked)
        before, after = max(0, first - _BORDER), min(frames, end + _BORDER)
        borders = (0, 0, _BORDER - (first - before), _BORDER - (after - end))
        padded = nn.functional.pad(beat_spectrogram(samples, before, after), borders)
        with torch.inference_mode():
            output = network(padded[None])
        both = torch.stack([output["beat"][0], output["downbeat"][0]])[:, _BORDER:-_BORDER]
        parts.append(torch.sigmoid(both[:, start - first :]).double().numpy())
    beats, downbeats = np.concatenate(parts, axis=1)
    return BeatActivations(beats, downbeats)


def beat_spectrogram(samples: Samples, first: int, end: int) -> Tensor:
    """The frames from `first` up to `end` of the logarithm of mel magnitude (frames, 128) that the network knows.

    Of mono samples (n,) at `RATE`, fifty a second; frames are centred, and the first and last look into a mirror.
    """
    reach = _N_FFT // 2
    start, stop = first * _HOP - reach, (end - 1) * _HOP + reach
    inside = samples[max(0, start) : stop]
    mirrored = np.pad(inside, (max(0, -start), max(0, stop - len(samples))), mode="reflect")
    spectra = torch.stft(
        torch.from_numpy(mirrored),
        _N_FFT,
        _HOP,
        window=torch.hann_window(_N_FFT),
        center=False,
        normalized=True,
        return_complex=True,
    ).abs()
    mel = librosa.filters.mel(sr=RATE, n_fft=_N_FFT, n_mels=_MELS, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ, norm=None)
    return torch.log1p(_GAIN * (torch.from_numpy(mel) @ spectra)).T


def grid_from_beats(power: Matrix, frame_rate: float, activations: BeatActivations) -> Grid | None:
    """The grid of normalised mel power (frames, mels), as for `estimate_grid`, by the beats found in it.

    None where there is no steady pulse, where the beats do not fall in with it, or none of four is a bar line more
    clearly than the others; and for less than half a minute, in which chance does as well.
    """
    if len(power) / frame_rate < _SHORTEST_S:
        return None
    envelope = onset_envelope(power)
    pulse = find_pulse(envelope, frame_rate)
    if pulse is None or pulse.strength < RHYTHMIC or steadiness(envelope, frame_rate, pulse.bpm) < STEADY:
        return None
    beats, downbeats = (maximum_filter1d(likely, _NEAR) for likely in (activations.beats, activations.downbeats))
    clarity, phase_s, bpm = max((*_clearest(beats, pulse.bpm * octave), pulse.bpm * octave) for octave in _OCTAVES)
    if clarity < _CLEAR:
        return None
    steps = sixteenths(envelope, frame_rate, bpm)
    beat = round((phase_s - steps.first_s) / steps.length_s) % STEPS_PER_BEAT
    lines = range(beat, STEPS_PER_BAR, STEPS_PER_BEAT)
    likely = _over_bar(downbeats, steps)[lines]
    second, best = np.sort(likely)[-2:]
    if best - second < _CLEAR:
        return None
    heads = range(lines[int(np.argmax(likely))], STEPS_PER_PHRASE, STEPS_PER_BAR)
    first_s = head_of_phrase(power, envelope, frame_rate, steps, heads)
    return Grid(Tempo(round(bpm, 2), BpmSource.ESTIMATE, round(clarity, 3)), round(first_s, 4))


def _clearest(beats: Floats, bpm: float) -> tuple[float, float]:
    """How much likelier beats are on the beats of a tempo than halfway between them, and the phase in seconds.

    It is the phase that suits them best. At half the right tempo there are beats halfway too, at twice the right one
    every other beat is none.
    """
    halves_s = np.arange(0, len(beats) / _FRAME_RATE - 60 / bpm, 30 / bpm)
    phases_s = np.arange(0, 60 / bpm, 1 / _FRAME_RATE)
    likely = np.array([_at(beats, halves_s + phase_s) for phase_s in phases_s])
    clear = likely[:, ::2].mean(axis=1) - likely[:, 1::2].mean(axis=1)
    return float(clear.max()), float(phases_s[clear.argmax()])


def _over_bar(downbeats: Floats, steps: Steps) -> Floats:
    """How likely each sixteenth of a bar (16,) is its first."""
    count = (len(steps.edges) - 1) // STEPS_PER_BAR * STEPS_PER_BAR
    likely = _at(downbeats, steps.first_s + np.arange(count, dtype=np.float64) * steps.length_s)
    return np.asarray(likely.reshape(-1, STEPS_PER_BAR).mean(axis=0))


def _at(likely: Floats, times_s: Floats) -> Floats:
    return likely[np.clip(np.rint(times_s * _FRAME_RATE).astype(np.int64), 0, len(likely) - 1)]
