"""Labelling a batch of files: decode, grid, segments, mel, network, outcomes. No Prefect, no Dask, no database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.models import ModelCard, StoredModel
from storage.parts import Bar, LabelOutcome, Section, Segment
from storage.vocabulary import BARS_PER_SEGMENT, BEATS_PER_BAR, ROLES, Kind, Reason, Status
from tasks.audio import AudioError, Sound
from tasks.iram import bar_levels_db, smooth, stays
from tasks.mel import Matrix, MelConfig, compress_in_place, mel_powers_of_blocks, reference_level
from tasks.novelty import novelty
from tasks.onsets import grid_mel_at
from tasks.sections import find_sections
from tasks.segments import (
    Bounds,
    bar_numbers,
    bars_of_phrases,
    is_whole,
    loop_bounds,
    loop_mels,
    phrase_mels,
    phrase_of,
    timed_mels,
    track_bounds,
    track_mels,
)
from tasks.tempo import Grid, Tempo, estimate_grid, loop_tempo, stated_grid, stated_tempo
from tasks.tonality import Key, Listener, believed, stated_key

LABEL_VERSION: Final = 9
"""Raised whenever the same file and model would get other labels; part of every label's key."""

_LIKELY: Final = 0.5

_LOOP_S: Final = 30.0
_LOOP_BARS: Final = 8
_BEATLESS_WINDOW_S: Final = 8.0


Answers = tuple[Matrix, Matrix]
"""The probability of each role in windows (windows, roles), and in each of their four bars (windows, 4, roles)."""


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
    """The model to label with, as every batch takes it to a worker: a card to answer by, the path of its weights."""

    card: ModelCard
    weights: Path

    @classmethod
    def of(cls, stored: StoredModel) -> "LabelRecipe":
        """The recipe of a stored model."""
        return cls(stored.card.to_answer(), stored.weights)


@dataclass(frozen=True)
class Analysis:
    """A file made ready for the network: kind, grid (None without a steady tempo), segment bounds and log-mels.

    `mels` are windows of four bars (windows, frames, mels). Those of a loop all answer for its one segment, and those
    of music without a beat for all of it; it has no bounds. A track begins with the phrases of its `bars`, and
    `window_of` says which window answers for each segment: what is shorter than a phrase has one of its own. An
    estimated `key` still has to be sure enough (`tasks.tonality`).
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


Watch = Callable[[LabelRequest], AbstractContextManager[None]]
"""What is wrapped around the reading of each file; it may refuse one by raising `AudioError`."""


def _unwatched(_: LabelRequest) -> AbstractContextManager[None]:
    return nullcontext()


def label_batch(requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched) -> list[LabelOutcome]:
    """Label some files; a file that cannot be used gets an outcome with a reason, and never stops the others."""
    # Torch takes 190 MB, and the flow, which imports this only to send it to workers, never needs it.
    from tasks.inference import load_network, predict_at_two_scales

    ask = partial(predict_at_two_scales, load_network(recipe.weights, recipe.card))
    return answered(requests, analyse_batch(requests, recipe, watch), recipe.card, ask)


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
    ask: Callable[[Matrix], Answers],
) -> list[LabelOutcome]:
    """Outcomes of analysed files; `ask` answers the log-mels (windows, frames, mels) of all of them."""
    answers = iter(_asked(ask, [analysis.mels for analysis in analyses if isinstance(analysis, Analysis)]))
    return [
        _quarantined(request, analysis, card)
        if isinstance(analysis, AudioError)
        else _labelled(request, analysis, next(answers), card)
        for request, analysis in zip(requests, analyses, strict=True)
    ]


def _asked(ask: Callable[[Matrix], Answers], mels: Sequence[Matrix]) -> list[Answers]:
    """What the network says of several files' windows, from calls that they share."""
    if not mels:
        return []
    together = mels[0] if len(mels) == 1 else np.concatenate(mels)
    borders = np.cumsum([len(windows) for windows in mels])[:-1]
    return list(zip(*(np.split(answer, borders) for answer in ask(together)), strict=True))


def analyse(request: LabelRequest, config: MelConfig) -> Analysis:
    """Decode one file, find its grid and cut it; raises `AudioError` if it cannot be used."""
    path = Path(request.path)
    sound = Sound(path, config.sample_rate)
    listener = Listener(config.sample_rate)
    grid_mel = grid_mel_at(config.sample_rate)
    blocks = listener.passing(sound.blocks())
    grid_power, power = mel_powers_of_blocks(blocks, sound.expected_samples, [grid_mel, config])
    grid_power /= reference_level(grid_power)
    power /= reference_level(power)
    key = stated_key(path, request.key) or listener.estimate()
    tempo = stated_tempo(path, request.bpm)
    kind = request.kind or _kind_by_length(sound.duration_s, tempo)
    if kind is Kind.LOOP:
        tempo = tempo or loop_tempo(grid_power, sound.duration_s)
        grid = Grid(tempo, request.first_downbeat_s or 0.0)
        bound = loop_bounds(grid.bar_s, sound.duration_s)
        mels = compress_in_place(loop_mels(power, bound, config))
        return Analysis(kind, sound.duration_s, sound.digest, grid, [bound], mels, [], range(0), key)
    grid_found = _track_grid(grid_power, grid_mel.frame_rate, tempo, request.first_downbeat_s)
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
    short = [bound for bound in bounds if not is_whole(bound, grid.bar_s)]
    own = {bound: len(phrases) + place for place, bound in enumerate(short)}
    windows = np.concatenate([phrases, track_mels(power, short, grid.bar_s, config)])
    return compress_in_place(windows), [own.get(bound, phrase_of(bound, bars)) for bound in bounds]


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


def _labelled(request: LabelRequest, analysis: Analysis, answers: Answers, card: ModelCard) -> LabelOutcome:
    activations, bar_activations = _on_grid(analysis, *answers)
    mels = _mels_of_bars(analysis)
    levels_db = bar_levels_db(mels)
    tempo = analysis.grid.tempo if analysis.grid else None
    probabilities = track_probability(activations)
    # A threshold may lie far below a half, for the sake of balance; a key needs notes that are likely there.
    likely = {role for place, role in enumerate(ROLES) if probabilities[place] >= _LIKELY}
    key = believed(analysis.key, likely) if analysis.key else None
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
        sections=tuple(find_sections(sounding, levels_db, novelty(mels.mean(axis=1)), analysis.bars)),
    )


def _on_grid(analysis: Analysis, windows: Matrix, bars: Matrix) -> Answers:
    """Answers for the windows of a file as activations of its segments (segments, roles) and bars (bars, roles)."""
    if analysis.kind is Kind.LOOP:
        windows = windows.mean(axis=0, keepdims=True)
    elif analysis.bounds:
        windows = windows[analysis.window_of]
    return windows, bars_of_phrases(bars.reshape(-1, bars.shape[-1]), analysis.bars)


def _mels_of_bars(analysis: Analysis) -> Matrix:
    """The log-mels of each bar of a track (bars, frames, mels)."""
    _, frames, bands = analysis.mels.shape
    return bars_of_phrases(analysis.mels.reshape(-1, frames // BARS_PER_SEGMENT, bands), analysis.bars)


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
