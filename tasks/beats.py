"""Another ear for the beat grid: the network of "Beat This!", where its package and a checkpoint are at hand.

Foscarin, Schlüter and Widmer, "Beat This! Accurate Beat Tracking Without DBN Postprocessing" (ISMIR 2024). It knows
beats and bar lines of all music, and costs far more than the estimate that labelling makes by itself (`tasks.tempo`). A
constant tempo is taken from the onset envelope, which tells it to 0.01; its octave and the bar line from the network;
and which bar begins a phrase, of which the network knows nothing, from the changes of the sound.
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
from tasks.audio import Samples, decode
from tasks.downbeat import STEPS_PER_BAR, STEPS_PER_PHRASE, Steps, head_of_phrase, sixteenths
from tasks.mel import Matrix, mel_power, normalise_level
from tasks.onsets import GRID_MEL, onset_envelope
from tasks.pulse import find_pulse, steadiness
from tasks.tempo import Grid, Tempo

RATE: Final = 22_050
"""Hz that the network hears."""

_N_FFT, _HOP, _MELS, _LOWEST_HZ, _HIGHEST_HZ = 1024, 441, 128, 30, 11_000
_GAIN: Final = 1000.0
_FRAME_RATE: Final = RATE / _HOP
_CHUNK, _BORDER = 1500, 6
"""Frames that the network was trained on at a time, and how many at either end of them it was not asked about."""

_NEAR: Final = 3
"""Frames among which an answer may lie beside the sixteenth note it is for."""

_CLEAR: Final = 0.25
"""By how much beats must be likelier than what lies halfway between them."""

_STEADY: Final = 0.7

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeardBeats:
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
    except FileNotFoundError:
        raise UserError(f"{checkpoint} is not there; name a checkpoint of beat_this, such as small0.ckpt") from None
    except Exception as error:
        why = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"{checkpoint} is no checkpoint of beat_this ({why})") from None
    return network.eval()


def hear_grid(path: Path, network: nn.Module) -> Grid | None:
    """The grid of a file by the network; None where its beats are not clear. Raises `AudioError`."""
    samples = decode(path, RATE).samples
    resampled = np.asarray(soxr.resample(samples, RATE, GRID_MEL.sample_rate), np.float32)
    power = normalise_level(mel_power(resampled, GRID_MEL))
    return grid_from_beats(power, GRID_MEL.frame_rate, hear_beats(samples, network))


def hear_beats(samples: Samples, network: nn.Module) -> HeardBeats:
    """What the network hears in mono samples (n,) at `RATE`, half a minute at a time."""
    spectrogram = beat_spectrogram(samples)
    padded = nn.functional.pad(spectrogram, (0, 0, _BORDER, _BORDER))
    asked = _CHUNK - 2 * _BORDER
    parts = []
    with torch.inference_mode():
        for start in range(0, len(spectrogram), asked):
            first = max(0, min(start, len(spectrogram) - asked))
            heard = network(padded[None, first : first + _CHUNK])
            both = torch.stack([heard["beat"][0], heard["downbeat"][0]])[:, _BORDER:-_BORDER]
            parts.append(torch.sigmoid(both[:, start - first :]).double().numpy())
    beats, downbeats = np.concatenate(parts, axis=1)
    return HeardBeats(beats, downbeats)


def beat_spectrogram(samples: Samples) -> Tensor:
    """The logarithm of mel magnitude (frames, 128) of mono samples (n,) at `RATE`, as the network knows it."""
    window = torch.hann_window(_N_FFT)
    waves = torch.from_numpy(np.pad(samples, (0, max(0, _N_FFT - len(samples)))))
    spectra = torch.stft(waves, _N_FFT, _HOP, window=window, normalized=True, return_complex=True).abs()
    mel = librosa.filters.mel(sr=RATE, n_fft=_N_FFT, n_mels=_MELS, fmin=_LOWEST_HZ, fmax=_HIGHEST_HZ, norm=None)
    return torch.log1p(_GAIN * (torch.from_numpy(mel) @ spectra)).T


def grid_from_beats(power: Matrix, frame_rate: float, heard: HeardBeats) -> Grid | None:
    """The grid of normalised mel power (frames, mels), as for `estimate_grid`, by the beats that were heard in it.

    None where there is no steady pulse, or the beats do not fall in with it.
    """
    envelope = onset_envelope(power)
    pulse = find_pulse(envelope, frame_rate)
    if pulse is None or steadiness(envelope, frame_rate, pulse.bpm) < _STEADY:
        return None
    clarity, bpm = max((_clarity(heard.beats, pulse.bpm * octave), pulse.bpm * octave) for octave in (0.5, 1.0, 2.0))
    steps = sixteenths(envelope, frame_rate, bpm)
    if clarity < _CLEAR or len(steps.edges) <= STEPS_PER_BAR:
        return None
    line = int(np.argmax(_over_bar(heard.downbeats, steps)))
    first_s = head_of_phrase(power, envelope, frame_rate, steps, range(line, STEPS_PER_PHRASE, STEPS_PER_BAR))
    return Grid(Tempo(round(bpm, 2), BpmSource.ESTIMATE, round(clarity, 3)), round(first_s, 4))


def _clarity(beats: Floats, bpm: float) -> float:
    """How much likelier beats are on the beats of a tempo than halfway between them, in the phase that suits it best.

    At half the right tempo there are beats halfway too, at twice the right one every other beat is none.
    """
    halves_s = np.arange(0, len(beats) / _FRAME_RATE, 30 / bpm)
    phases_s = np.arange(0, 60 / bpm, 1 / _FRAME_RATE)
    likely = np.array([_near(beats, halves_s[:-2] + phase_s) for phase_s in phases_s])
    if likely.shape[1] < 2:
        return 0.0
    return float(np.max(likely[:, ::2].mean(axis=1) - likely[:, 1::2].mean(axis=1)))


def _over_bar(downbeats: Floats, steps: Steps) -> Floats:
    """How likely each sixteenth of a bar (16,) is its first."""
    count = (len(steps.edges) - 1) // STEPS_PER_BAR * STEPS_PER_BAR
    likely = _near(downbeats, steps.first_s + np.arange(count, dtype=np.float64) * steps.length_s)
    return np.asarray(likely.reshape(-1, STEPS_PER_BAR).mean(axis=0))


def _near(likely: Floats, times_s: Floats) -> Floats:
    """The highest answer next to each of some times."""
    frames = np.clip(np.rint(times_s * _FRAME_RATE).astype(np.int64), 0, len(likely) - 1)
    return np.asarray(maximum_filter1d(likely, _NEAR)[frames])
