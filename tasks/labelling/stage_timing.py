"""Timing each stage of labelling on one core, for `rolecall bench`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np

from storage.paths import path_text
from tasks.audio.decoding import Sound
from tasks.audio.readers import open_reader
from tasks.features.mel import mel_powers_of_blocks, reference_level
from tasks.features.mel_config import MelConfig
from tasks.labelling.analysis import analyse
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.networks.inference import LoadedNetwork, load_network, predict_at_two_scales
from tasks.rhythm.grid import estimate_grid
from tasks.rhythm.onsets import grid_mel_at

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True)
class StageTimes:
    """Processor seconds of each stage, over some files of `audio_s` seconds of audio in all.

    `decode` is the bare decoder, the measure of all others; `resample` has the mix-down, the checks and the digest;
    `mel` has what the network is asked about and what the grid is read from; `segments` is the cutting into bars and
    whatever else `tasks.labelling.analysis.analyse` does.
    """

    audio_s: float
    decode: float
    resample: float
    mel: float
    tempo: float
    segments: float
    network: float

    @property
    def times_decoding(self) -> dict[str, float]:
        """Each stage in multiples of decoding."""
        return {name: seconds / self.decode for name, seconds in asdict(self).items() if name != "audio_s"}


def time_stages(paths: Sequence[Path], recipe: LabelRecipe) -> StageTimes:
    """Time every stage over some files; raises `AudioError` for one that cannot be used.

    The first goes through once before, so that no stage pays for what is loaded at a first call.
    """
    config = MelConfig(**recipe.card.mel)
    network = load_network(recipe.weights, recipe.card)
    _stages_of(paths[0], network, config)
    sums = np.sum([_stages_of(path, network, config) for path in paths], axis=0)
    return StageTimes(*(float(value) for value in sums))


def _stages_of(path: Path, network: LoadedNetwork, config: MelConfig) -> list[float]:
    """The seconds of audio of a file, and those that each stage took for it, in the order of `StageTimes`."""
    decode, _ = _timed(_decode, path)
    sound = Sound(path, config.sample_rate)
    read, blocks = _timed(list, sound.blocks())
    grid_mel = grid_mel_at(config.sample_rate)
    mel, (power, _) = _timed(mel_powers_of_blocks, blocks, sound.expected_samples, [grid_mel, config])
    power /= reference_level(power)
    tempo, _ = _timed(estimate_grid, power, grid_mel.frame_rate)
    whole, analysis = _timed(analyse, LabelRequest(path_text(path), path_text(path)), config)
    answer, _ = _timed(predict_at_two_scales, network, analysis.mels)
    segments = max(0.0, whole - read - mel - tempo)
    return [sound.duration_s, decode, max(0.0, read - decode), mel, tempo, segments, answer]


def time_decoding(paths: Sequence[Path]) -> tuple[float, float]:
    """Processor seconds of nothing but decoding some files, and the seconds of audio that they hold."""
    timed = [_timed(_decode, path) for path in paths]
    return sum(seconds for seconds, _ in timed), sum(audio_s for _, audio_s in timed)


def _decode(path: Path) -> float:
    """Seconds of audio decoded."""
    reader = open_reader(path)
    return sum(len(block) for block in reader.blocks()) / reader.rate


def _timed(work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> tuple[float, Result]:
    began = time.process_time()
    result = work(*given, **named)
    return time.process_time() - began, result
