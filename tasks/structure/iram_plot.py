"""The plot of a track: its spectrogram above its instrumentation role activation map."""

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import ArrayLike

from storage.bar_lines import Bars
from storage.catalogue.label_parts import LabelOutcome
from storage.files import atomic_path
from storage.paths import path_of
from storage.vocabulary import ROLES
from tasks.audio.decoding import Samples, decode
from tasks.structure.log_spectrogram import RANGE_DB, RATE, log_spectrogram

_ASSUMED_BPM: Final = 120.0


def draw_iram(outcome: LabelOutcome, target: Path) -> None:
    """Draw a labelled file to `target`, as PNG or whatever its extension says; raises `AudioError`, ValueError.

    Above a log-frequency spectrogram, below one row per role and one square per segment; both share an x axis in
    bars, with minutes and seconds on top.
    """
    samples = decode(path_of(outcome.path), RATE).samples
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
    bars = outcome.grid_bars or Bars(_ASSUMED_BPM, 0.0)
    end_s = outcome.duration_s or len(samples) / RATE
    _draw_spectrogram(above, samples, bars)
    map_image = _draw_map(below, outcome, bars)
    _draw_sections(below, outcome)
    below.set_xlim(_bar_at(0, bars), _bar_at(end_s, bars))
    _bar_axis(below, outcome)
    _time_axis(above, bars)
    figure.colorbar(map_image, ax=below, label="activation", fraction=0.03, pad=0.01, ticks=[0, 0.5, 1])
    figure.suptitle(_title(outcome), fontsize=11)
    with atomic_path(target) as temporary:
        figure.savefig(temporary, dpi=120, format=target.suffix.lstrip(".") or "png")


def _bar_at(seconds: float, bars: Bars) -> float:
    return 1 + bars.passed(seconds)


def _draw_spectrogram(axes: Axes, samples: Samples, bars: Bars) -> None:
    levels, edges_hz = log_spectrogram([samples], len(samples))
    edges_s = np.linspace(0, len(samples) / RATE, levels.shape[1] + 1)
    columns = [_bar_at(edge_s, bars) for edge_s in edges_s.tolist()]
    axes.pcolormesh(columns, edges_hz, levels, cmap="magma", vmin=-RANGE_DB, vmax=0, rasterized=True)
    axes.set_yscale("log")
    axes.set_yticks([64, 128, 256, 512, 1024, 2048, 4096], labels=["64", "128", "256", "512", "1k", "2k", "4k"])
    axes.minorticks_off()
    axes.set_ylabel("frequency (Hz)")
    axes.tick_params(labelbottom=False)


def _draw_map(axes: Axes, outcome: LabelOutcome, bars: Bars) -> QuadMesh:
    segments = outcome.segments
    if segments:
        edges = [_bar_at(segment.start_s, bars) for segment in segments]
        edges.append(_bar_at(segments[-1].end_s, bars))
        activations = np.array([segment.activations for segment in segments]).T
    else:
        edges = [1.0, _bar_at(outcome.duration_s or 0.0, bars)]
        activations = np.array([outcome.probabilities]).T
    rows = np.arange(len(ROLES) + 1)
    image = axes.pcolormesh(edges, rows, activations, cmap="viridis", vmin=0, vmax=1)
    axes.hlines(rows[1:-1], edges[0], edges[-1], color="white", linewidth=0.8)
    axes.set_yticks(rows[:-1] + 0.5, labels=list(ROLES))
    axes.invert_yaxis()
    return image


def _draw_sections(axes: Axes, outcome: LabelOutcome) -> None:
    """A line where a section begins, and its label under the top edge of the map."""
    for section in outcome.sections:
        if section.section:
            axes.axvline(section.start_bar, color="white", linewidth=1.6)
        axes.text(section.start_bar, 0, f" {section.label}", color="white", fontsize=8, va="top", clip_on=True)


def _bar_axis(axes: Axes, outcome: LabelOutcome) -> None:
    last = outcome.segments[-1].end_bar if outcome.segments else 4
    step = next((size for size in (1, 4, 8, 16, 32, 64, 128) if last / size <= 20), 256)
    axes.set_xticks(range(1, last + 1, step))
    axes.set_xlabel("bar" if outcome.bpm else f"bar (no steady tempo: {_ASSUMED_BPM:.0f} BPM assumed)")


def _time_axis(axes: Axes, bars: Bars) -> None:
    def seconds_at(numbers: ArrayLike) -> ArrayLike:
        return bars.starts_s(np.asarray(numbers, np.float64))

    def bars_at(seconds: ArrayLike) -> ArrayLike:
        return np.asarray(1 + np.vectorize(bars.passed, otypes=[np.float64])(seconds))

    top = axes.secondary_xaxis("top", functions=(seconds_at, bars_at))
    length_s = float(np.diff(seconds_at(np.array(axes.get_xlim())))[0])
    step_s = next((size for size in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600) if length_s / size <= 12), 1800)
    top.xaxis.set_major_locator(MultipleLocator(step_s))
    top.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{int(seconds // 60)}:{int(seconds % 60):02d}"))
    top.set_xlabel("minutes:seconds")


def _title(outcome: LabelOutcome) -> str:
    tempo = f"{outcome.bpm:.2f} BPM ({outcome.bpm_source})" if outcome.bpm else "no steady tempo"
    if outcome.bpm_drift:
        tempo += f", drifts by up to {outcome.bpm_drift:.1%}"
    return f"{Path(outcome.path).name} · {tempo} · model {outcome.model_id}"
