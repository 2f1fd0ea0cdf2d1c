"""Labelling a batch of files: decode, grid, segments, mel, network, outcomes. No Prefect, no Dask, no database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.models import ModelCard
from storage.parts import Bar, LabelOutcome, Section, Segment
from storage.vocabulary import BEATS_PER_BAR, ROLES, Kind, Reason, Status
from tasks.audio import AudioError, Sound
from tasks.inference import load_network, predict
from tasks.iram import bar_levels_db, smooth, stays
from tasks.mel import Matrix, MelConfig, compress_in_place, mel_power_of_blocks, reference_level
from tasks.sections import find_sections
from tasks.segments import Bounds, bar_mels, bar_numbers, loop_bounds, loop_mels, timed_mels, track_bounds, track_mels
from tasks.tempo import Grid, Tempo, estimate_grid, loop_tempo, stated_grid, stated_tempo
from tasks.tonality import Key, Listener, believed, stated_key

LABEL_VERSION: Final = 5
"""Raised whenever the same file and model would get other labels; part of every label's key."""

_LIKELY: Final = 0.5

_LOOP_S: Final = 30.0
_LOOP_BARS: Final = 8
_BEATLESS_WINDOW_S: Final = 8.0


@dataclass(frozen=True)
class LabelRequest:
    """A file to label, with what its manifest says: kind, tempo in beats per minute, first downbeat in seconds, key."""

    label_key: str
    path: str
    kind: Kind | None = None
    bpm: float | None = None
    first_downbeat_s: float | None = None
    key: str | None = None


@dataclass(frozen=True)
class LabelRecipe:
    """The model to label with: its card and the path of its weights, small enough to send to any worker."""

    card: ModelCard
    weights: Path


@dataclass(frozen=True)
class Analysis:
    """A file made ready for the network: kind, grid (None without a steady tempo), segment bounds and log-mels.

    A loop has one bound and one or more mels, a track as many mels as bounds, music without a beat no bounds.
    `bars` are the numbers of the bars of a track, `bar_mels` their log-mels; both are empty for anything else. An
    estimated `key` still has to be sure enough (`tasks.tonality`).
    """

    kind: Kind
    duration_s: float
    audio_hash: str
    grid: Grid | None
    bounds: list[Bounds]
    mels: Matrix
    bars: range
    bar_mels: Matrix
    key: Key | None


Watch = Callable[[LabelRequest], AbstractContextManager[None]]
"""What is wrapped around the reading of each file; it may refuse one by raising `AudioError`."""


def _unwatched(_: LabelRequest) -> AbstractContextManager[None]:
    return nullcontext()


def label_batch(requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched) -> list[LabelOutcome]:
    """Label some files; a file that cannot be used gets an outcome with a reason, and never stops the others."""
    network = load_network(recipe.weights, recipe.card)
    return answered(requests, analyse_batch(requests, recipe, watch), recipe.card, partial(predict, network))


def analyse_batch(
    requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched
) -> list[Analysis | AudioError]:
    """What the network needs of each file, or what is wrong with it; one after the other, as `watch` sees them."""
    config = MelConfig(**recipe.card.mel)
    analyses: list[Analysis | AudioError] = []
    for request in requests:
        try:
            with watch(request):
                analyses.append(analyse(request, config))
        except AudioError as error:
            analyses.append(error)
        except MemoryError:
            analyses.append(AudioError(Reason.OOM, "needs more memory than a worker has"))
    return analyses


def answered(
    requests: Sequence[LabelRequest],
    analyses: Sequence[Analysis | AudioError],
    card: ModelCard,
    ask: Callable[[Matrix], Matrix],
) -> list[LabelOutcome]:
    """Outcomes of analysed files; `ask` gives probabilities (n, roles) for the log-mels (n, frames, mels) of all."""
    ready = [analysis for analysis in analyses if isinstance(analysis, Analysis)]
    answers = zip(
        _asked(ask, [analysis.mels for analysis in ready]),
        _asked(ask, [analysis.bar_mels for analysis in ready]),
        strict=True,
    )
    return [
        _quarantined(request, analysis, card)
        if isinstance(analysis, AudioError)
        else _labelled(request, analysis, *next(answers), card)
        for request, analysis in zip(requests, analyses, strict=True)
    ]


def _asked(ask: Callable[[Matrix], Matrix], mels: Sequence[Matrix]) -> list[Matrix]:
    """The activations of several files' windows: (windows, roles) each, from network calls that they share."""
    if not mels:
        return []
    together = mels[0] if len(mels) == 1 else np.concatenate(mels)
    return np.split(ask(together), np.cumsum([len(windows) for windows in mels])[:-1])


def analyse(request: LabelRequest, config: MelConfig) -> Analysis:
    """Decode one file, find its grid and cut it; raises `AudioError` if it cannot be used."""
    path = Path(request.path)
    sound = Sound(path, config.sample_rate)
    listener = Listener(config.sample_rate)
    power = mel_power_of_blocks(listener.passing(sound.blocks()), sound.expected_samples, config)
    power /= reference_level(power)
    key = stated_key(path, request.key) or listener.estimate()
    tempo = stated_tempo(path, request.bpm)
    kind = request.kind or _kind_by_length(sound.duration_s, tempo)
    if kind is Kind.LOOP:
        tempo = tempo or loop_tempo(power, config.frame_rate, sound.duration_s)
        grid = Grid(tempo, request.first_downbeat_s or 0.0)
        bound = loop_bounds(grid.bar_s, sound.duration_s)
        mels = compress_in_place(loop_mels(power, bound, config))
        return Analysis(kind, sound.duration_s, sound.digest, grid, [bound], mels, *_no_bars(config), key)
    grid_found = _track_grid(power, config.frame_rate, tempo, request.first_downbeat_s)
    bounds = track_bounds(grid_found, sound.duration_s) if grid_found else []
    if grid_found is None or not bounds:
        mels = timed_mels(power, sound.duration_s, _BEATLESS_WINDOW_S, config)
        return Analysis(kind, sound.duration_s, sound.digest, None, [], compress_in_place(mels), *_no_bars(config), key)
    mels = compress_in_place(track_mels(power, bounds, grid_found.bar_s, config))
    bars = bar_numbers(bounds)
    mels_of_bars = compress_in_place(bar_mels(power, bars, grid_found, config))
    return Analysis(kind, sound.duration_s, sound.digest, grid_found, bounds, mels, bars, mels_of_bars, key)


def _no_bars(config: MelConfig) -> tuple[range, Matrix]:
    return range(0), np.empty((0, config.frames_per_bar, config.mels), np.float32)


def _track_grid(power: Matrix, frame_rate: float, tempo: Tempo | None, first_downbeat_s: float | None) -> Grid | None:
    grid = estimate_grid(power, frame_rate) if tempo is None else stated_grid(power, frame_rate, tempo)
    if grid is None or first_downbeat_s is None:
        return grid
    return replace(grid, first_downbeat_s=first_downbeat_s)


def track_probability(activations: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of each role for a whole track: the mean of its highest quarter of segments (n, roles)."""
    top = max(1, -(-len(activations) // 4))
    return np.asarray(np.sort(activations, axis=0)[-top:].mean(axis=0), np.float32)


def _kind_by_length(duration_s: float, tempo: Tempo | None) -> Kind:
    longest = _LOOP_S if tempo is None else _LOOP_BARS * Grid(tempo, 0.0).bar_s
    return Kind.LOOP if duration_s < longest * (1 - 1e-3) else Kind.TRACK


def _labelled(
    request: LabelRequest, analysis: Analysis, activations: Matrix, bar_activations: Matrix, card: ModelCard
) -> LabelOutcome:
    if analysis.kind is Kind.LOOP:
        activations = activations.mean(axis=0, keepdims=True)
    tempo = analysis.grid.tempo if analysis.grid else None
    probabilities = track_probability(activations)
    # A threshold may lie far below a half, for the sake of balance; a key needs notes that are likely there.
    likely = {role for place, role in enumerate(ROLES) if probabilities[place] >= _LIKELY}
    key = believed(analysis.key, likely) if analysis.key else None
    levels_db = bar_levels_db(analysis.bar_mels)
    sounding = smooth(bar_activations, levels_db, card.thresholds, analysis.bars)
    return LabelOutcome(
        label_key=request.label_key,
        path=request.path,
        model_id=card.model_id,
        status=Status.LABELLED if analysis.grid else Status.NO_TEMPO,
        kind=analysis.kind,
        duration_s=analysis.duration_s,
        audio_hash=analysis.audio_hash,
        bpm=tempo.bpm if tempo else None,
        bpm_source=tempo.source if tempo else None,
        bpm_confidence=tempo.confidence if tempo else None,
        bpm_alternative=tempo.alternative if tempo else None,
        first_downbeat_s=analysis.grid.first_downbeat_s if analysis.grid else None,
        key=key.key if key else None,
        mode=key.mode if key else None,
        key_source=key.source if key else None,
        key_confidence=key.confidence if key else None,
        probabilities=_floats(probabilities),
        segments=tuple(
            Segment(
                bound.segment, bound.start_bar, bound.end_bar, bound.start_s, bound.end_s, _floats(activations[place])
            )
            for place, bound in enumerate(analysis.bounds)
        ),
        bars=tuple(
            Bar(bar, float(level_db), _floats(row))
            for bar, level_db, row in zip(analysis.bars, levels_db, bar_activations, strict=True)
        ),
        stays=tuple(stays(sounding, analysis.bars)),
        sections=tuple(find_sections(sounding, levels_db, analysis.bars)),
    )


def _quarantined(request: LabelRequest, error: AudioError, card: ModelCard) -> LabelOutcome:
    return failed_outcome(request, card.model_id, "decode", error.reason, str(error))


def failed_outcome(request: LabelRequest, model_id: str, stage: str, reason: Reason, message: str) -> LabelOutcome:
    """The outcome of a file that was given up."""
    return LabelOutcome(
        request.label_key, request.path, model_id, Status.QUARANTINED, stage=stage, reason=reason, message=message
    )


def _floats(values: NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def iram_document(outcome: LabelOutcome) -> dict[str, Any]:
    """An outcome as the JSON document of `rolecall iram --json`."""
    return {
        "path": outcome.path,
        "kind": outcome.kind,
        "bpm": outcome.bpm,
        "bpm_source": outcome.bpm_source,
        "bpm_confidence": outcome.bpm_confidence,
        "first_downbeat_s": outcome.first_downbeat_s,
        "key": outcome.key,
        "mode": outcome.mode,
        "key_source": outcome.key_source,
        "key_confidence": outcome.key_confidence,
        "model_id": outcome.model_id,
        "roles": [
            {"role": role, "probability": probability}
            for role, probability in zip(ROLES, outcome.probabilities or (), strict=False)
        ],
        "segments": [
            {
                "segment": segment.segment,
                "start_bar": segment.start_bar,
                "end_bar": segment.end_bar,
                "start_s": segment.start_s,
                "end_s": segment.end_s,
                "activations": dict(zip(ROLES, segment.activations, strict=True)),
            }
            for segment in outcome.segments
        ],
        "bars": [
            {"bar": bar.bar, "level_db": bar.level_db, "activations": dict(zip(ROLES, bar.activations, strict=True))}
            for bar in outcome.bars
        ],
        "stays": [asdict(stay) for stay in outcome.stays],
        "sections": [_section_document(section, outcome) for section in outcome.sections],
    }


def _section_document(section: Section, outcome: LabelOutcome) -> dict[str, Any]:
    bar_s = 60.0 * BEATS_PER_BAR / (outcome.bpm or 1.0)
    start_s = (outcome.first_downbeat_s or 0.0) + (section.start_bar - 1) * bar_s
    end_s = start_s + (section.end_bar - section.start_bar + 1) * bar_s
    return {
        **asdict(section),
        "start_s": max(0.0, start_s),
        "end_s": min(end_s, outcome.duration_s or end_s),
    }
