"""Charts as SVG inside an HTML page; colours come from the style of the page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from storage.published.track_labels import TrackLabels
from storage.vocabulary import ROLES
from tasks.metadata.key_names import TONICS

_STEP_BPM: Final = 5
_HEIGHT: Final = 140
_COLUMN: Final = 22
_NARROWEST_LABEL: Final = 34


def tempo_histogram(files: Mapping[int, int]) -> str:
    """Files by tempo, in columns of five beats per minute from the slowest to the fastest."""
    tempi = range(min(files), max(files) + 1, _STEP_BPM)
    return _columns(
        [(str(bpm) if bpm % 20 == 0 else "", files.get(bpm, 0), f"{bpm} to {bpm + _STEP_BPM} BPM") for bpm in tempi],
        "Files by tempo in beats per minute",
    )


def key_histogram(files: Mapping[tuple[str, str], int]) -> str:
    """Files by key: for each tonic a column of major and one of minor."""
    columns = [
        (f"{tonic}{'m' if mode == 'minor' else ''}", files.get((tonic, mode), 0), f"{tonic} {mode}")
        for tonic in TONICS
        for mode in ("major", "minor")
    ]
    return _columns(columns, "Files by key")


def share_bar(share: float, unsure: float) -> str:
    """A horizontal bar of 0 to 1, whose last part, `unsure`, has another colour."""
    return (
        '<svg class="bar" viewBox="0 0 200 12" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="ground" width="200" height="12" rx="3"/>'
        f'<rect class="fill" width="{200 * share:.1f}" height="12" rx="3"/>'
        f'<rect class="unsure" x="{200 * (share - unsure):.1f}" width="{200 * unsure:.1f}" height="12" rx="3"/>'
        "</svg>"
    )


def map_picture(track: TrackLabels) -> str:
    """The map of a track: a row a role, a cell a segment, its sections above it, bars below."""
    segments = [segment for segment in track.segments if segment.segment >= 0]
    first, bars = segments[0].start_bar, segments[-1].end_bar - segments[0].start_bar + 1
    scale, row, top = 640 / bars, 16, 18
    parts = []
    for place in range(len(ROLES)):
        for segment in segments:
            left, length = (segment.start_bar - first) * scale, (segment.end_bar - segment.start_bar + 1) * scale
            parts.append(
                f'<rect class="r{place}" x="{left:.1f}" y="{top + place * row}" width="{max(length - 1, 1):.1f}" '
                f'height="{row - 2}" fill-opacity="{segment.activations[place]:.2f}"/>'
            )
    for section in track.sections:
        left, length = (section.start_bar - first) * scale, (section.end_bar - section.start_bar + 1) * scale
        parts.append(f'<line class="edge" x1="{left:.1f}" x2="{left:.1f}" y1="2" y2="{top + len(ROLES) * row}"/>')
        if length > _NARROWEST_LABEL:
            parts.append(f'<text x="{left + 4:.1f}" y="12">{escape(section.label)}</text>')
    labels = "".join(
        f'<text class="role" x="-8" y="{top + place * row + 11}">{role}</text>' for place, role in enumerate(ROLES)
    )
    return (
        f'<svg class="map" viewBox="-84 0 728 {top + len(ROLES) * row + 2}" role="img" '
        f'aria-label="Map of {bars} bars">{labels}{"".join(parts)}</svg>'
    )


def _columns(columns: Sequence[tuple[str, int, str]], title: str) -> str:
    most = max(count for _, count, _ in columns) or 1
    width = len(columns) * _COLUMN
    parts = []
    crowded = all(label for label, _, _ in columns)
    for place, (label, count, meaning) in enumerate(columns):
        height = count / most * _HEIGHT
        left = place * _COLUMN
        parts.append(
            f'<g><title>{escape(meaning)}: {count} files</title><rect class="fill" x="{left + 2}" '
            f'y="{_HEIGHT - height + 16:.1f}" width="{_COLUMN - 4}" height="{height:.1f}" rx="2"/>'
        )
        if count:
            parts.append(f'<text class="count" x="{left + _COLUMN / 2}" y="{_HEIGHT - height + 11:.1f}">{count}</text>')
        below = _HEIGHT + (44 if crowded and place % 2 else 32)
        parts.append(f'<text class="tick" x="{left + _COLUMN / 2}" y="{below}">{escape(label)}</text></g>')
    line = f'<line class="axis" x1="0" x2="{width}" y1="{_HEIGHT + 16.5}" y2="{_HEIGHT + 16.5}"/>'
    return (
        f'<svg class="columns" style="max-width:{max(width, 260)}px" viewBox="0 0 {max(width, 260)} {_HEIGHT + 50}" '
        f'role="img" aria-label="{escape(title)}">{"".join(parts)}{line}</svg>'
    )
