"""Analysing one file for the network: decoding, beat grid, segments of four bars, log-mels, key."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from storage.paths import path_of
from storage.vocabulary import BEATS_PER_BAR, Kind
from tasks.audio.decoding import Sound
from tasks.features.key_estimate import ChromaCollector
from tasks.features.mel import compress_in_place, mel_powers_of_blocks, reference_level
from tasks.features.mel_config import Matrix, MelConfig
from tasks.labelling.request import LabelRequest
from tasks.metadata.key_names import Key
from tasks.metadata.written import Written, read_written, stated_key
from tasks.rhythm.grid import Grid, Tempo, estimate_grid, numbered_grid, stated_grid, stated_tempo
from tasks.rhythm.loop_tempo import loop_tempo, numbered_tempo
from tasks.rhythm.one_shots import LONGEST_S, is_one_shot
from tasks.rhythm.onsets import GridPower, grid_mel_at
from tasks.structure.key import estimated_key
from tasks.structure.segments import (
    Bounds,
    bar_numbers,
    is_whole,
    loop_bounds,
    loop_mels,
    one_shot_bounds,
    phrase_mels,
    phrase_of,
    timed_mels,
    track_bounds,
    track_mels,
)

_LOOP_BARS: Final = 8
_BEATLESS_WINDOW_S: Final = 8.0


@dataclass(frozen=True)
class Analysis:
    """A file made ready for the network: kind, grid (None without a tempo), segment bounds and log-mels.

    `mels` are windows of four bars (windows, frames, mels). Those of a loop all answer for its one segment, and those
    of a one-shot or of music without a beat for all of it; these have neither grid nor bounds. A track begins with the
    phrases of its `bars`, and `window_of` says which window answers for each segment: what is shorter than a phrase has
    one of its own. An estimated `key` still has to be sure enough (`tasks.structure.key`).
    """

    kind: Kind
    duration_s: float
    audio_hash: str
    grid: Grid | None
    bounds: list[Bounds]
    mels: Matrix
    window_of: list[int]
    bars: range
    key: Key | None


def analyse(request: LabelRequest, config: MelConfig) -> Analysis:
    """Decode one file, find its grid and cut it; raises `AudioError` if it cannot be used."""
    path = path_of(request.path)
    sound = Sound(path, config.sample_rate)
    collector = ChromaCollector(config.sample_rate)
    grid_mel = grid_mel_at(config.sample_rate)
    blocks = collector.collecting(sound.blocks())
    grid_power, power = mel_powers_of_blocks(blocks, sound.expected_samples, [grid_mel, config])
    grid_power /= reference_level(grid_power)
    power /= reference_level(power)
    rhythm = GridPower(grid_power, grid_mel.frame_rate, sound.duration_s)
    written = read_written(path)
    key = stated_key(written, request.key) or estimated_key(collector.chroma())
    tempo = stated_tempo(written, request.bpm, sound.duration_s)
    kind = request.kind or _kind(rhythm, written, tempo)
    if kind is Kind.ONESHOT:
        mels = compress_in_place(loop_mels(power, one_shot_bounds(sound.duration_s), config))
        return Analysis(kind, sound.duration_s, sound.digest, None, [], mels, [], range(0), key)
    if kind is Kind.LOOP:
        found = tempo or _loop_tempo(rhythm, written.name_number)
        in_range = found if request.bpm_range is None else found.within(request.bpm_range)
        grid = Grid(in_range, request.first_downbeat_s or 0.0)
        bound = loop_bounds(grid.bar_s, sound.duration_s)
        mels = compress_in_place(loop_mels(power, bound, config))
        return Analysis(kind, sound.duration_s, sound.digest, grid, [bound], mels, [], range(0), key)
    grid_found = _track_grid(rhythm, written.name_number, tempo, request)
    bounds = track_bounds(grid_found, sound.duration_s) if grid_found else []
    if grid_found is None or not bounds:
        mels = timed_mels(power, sound.duration_s, _BEATLESS_WINDOW_S, config)
        return Analysis(kind, sound.duration_s, sound.digest, None, [], compress_in_place(mels), [], range(0), key)
    mels, window_of = _track_windows(power, bounds, grid_found, config)
    bars = bar_numbers(bounds)
    return Analysis(kind, sound.duration_s, sound.digest, grid_found, bounds, mels, window_of, bars, key)


def _track_windows(power: Matrix, bounds: list[Bounds], grid: Grid, config: MelConfig) -> tuple[Matrix, list[int]]:
    """The log-mels that the network is asked about, and which of them answers for each segment."""
    bars = bar_numbers(bounds)
    phrases = phrase_mels(power, bars, grid, config)
    short = [bound for bound in bounds if not is_whole(bound, grid)]
    own = {bound: len(phrases) + place for place, bound in enumerate(short)}
    windows = np.concatenate([phrases, track_mels(power, short, grid, config)])
    return compress_in_place(windows), [own.get(bound, phrase_of(bound, bars)) for bound in bounds]


def _track_grid(rhythm: GridPower, number: float | None, tempo: Tempo | None, request: LabelRequest) -> Grid | None:
    """The grid of a track by what is written, by a number in its name, or by its sound, whichever is there first."""
    if tempo is not None:
        grid: Grid | None = stated_grid(rhythm.power, rhythm.frame_rate, tempo)
    elif number is not None:
        grid = numbered_grid(rhythm.power, rhythm.frame_rate, number, request.bpm_range)
    else:
        grid = estimate_grid(rhythm.power, rhythm.frame_rate, request.bpm_range)
    if grid is None or request.first_downbeat_s is None:
        return grid
    return grid.beginning_at(request.first_downbeat_s)


def _loop_tempo(rhythm: GridPower, number: float | None) -> Tempo:
    """The tempo of a loop of which nobody states one, by its length, its sound, and a number in its name."""
    if number is None:
        return loop_tempo(rhythm)
    return numbered_tempo(rhythm, number)


def _kind(rhythm: GridPower, written: Written, tempo: Tempo | None) -> Kind:
    """What a file is of which the manifest does not say it (`docs/reading-files.md`)."""
    if is_one_shot(rhythm, written, tempo):
        return Kind.ONESHOT
    bpm = tempo.bpm if tempo else written.name_number
    longest = LONGEST_S if bpm is None else _LOOP_BARS * BEATS_PER_BAR * 60 / bpm
    return Kind.LOOP if rhythm.duration_s < longest * (1 - 1e-3) else Kind.TRACK
