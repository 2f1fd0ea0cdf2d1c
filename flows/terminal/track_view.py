"""A track for people: its roles, its map in characters, its sections."""

from collections.abc import Iterator, Sequence
from typing import Final

from flows.terminal.streams import shows_unicode
from storage.published.track_labels import RoleLabel, TrackFacts, TrackLabels
from storage.vocabulary import BARS_PER_SEGMENT, ROLES

_SHADES: Final = "·░▒▓█"
_PLAIN_SHADES: Final = ".-=%#"
_NAME_WIDTH: Final = 12
_RULER_STEP: Final = 8
"""Characters between two numbers of bars."""


def track_lines(track: TrackLabels, width: int) -> Iterator[str]:
    """The lines that show a track on a terminal of so many characters."""
    facts = track.facts
    yield facts.path
    yield ", ".join(_facts(facts))
    yield ""
    for label in track.roles:
        yield f"{label.role:{_NAME_WIDTH}}{label.probability:5.2f}  {_verdict(label)}"
    if track.segments:
        yield ""
        yield from _map(track, max(width - _NAME_WIDTH, _RULER_STEP))
    for section in track.sections:
        bars = f"bars {section.start_bar}-{section.end_bar}"
        yield f"{section.label:{_NAME_WIDTH}}{bars:14}{_clock(section.start_s)}-{_clock(section.end_s)}"


def _facts(facts: TrackFacts) -> Iterator[str]:
    yield facts.kind
    yield _clock(facts.duration_s)
    if facts.bpm is None:
        yield "no steady tempo"
    else:
        other = f", or {facts.bpm_alternative:g}" if facts.bpm_alternative else ""
        drift = f", drifts by up to {facts.bpm_drift:.1%}" if facts.bpm_drift else ""
        yield f"{facts.bpm:.2f} BPM ({facts.bpm_source}, {facts.bpm_confidence or 0:.0%} sure{other}{drift})"
    yield f"{facts.key} {facts.mode or ''}".strip() if facts.key else "key unknown"
    yield f"track {facts.track_id}"


def _verdict(label: RoleLabel) -> str:
    words = ["on" if label.active else "off"]
    if label.unsure:
        words.append("unsure")
    if label.source == "person":
        words.append("a person said so")
    return ", ".join(words)


def _map(track: TrackLabels, width: int) -> Iterator[str]:
    """A character a segment; of a track that is too long for the terminal, several segments share one."""
    segments = [segment for segment in track.segments if segment.segment >= 0]
    together = -(-len(segments) // width)
    columns = [segments[start : start + together] for start in range(0, len(segments), together)]
    yield f"{'bar':{_NAME_WIDTH}}{_ruler([column[0].start_bar for column in columns])}"
    for place, role in enumerate(ROLES):
        loudest = (max(segment.activations[place] for segment in column) for column in columns)
        yield f"{role:{_NAME_WIDTH}}{''.join(map(_shade, loudest))}"
    yield f"{'':{_NAME_WIDTH}}a character is {together * BARS_PER_SEGMENT} bars"


def _ruler(bars: Sequence[int]) -> str:
    return "".join(f"{bars[start]:<{_RULER_STEP}}" for start in range(0, len(bars), _RULER_STEP)).rstrip()


def _shade(activation: float) -> str:
    shades = _SHADES if shows_unicode() else _PLAIN_SHADES
    return shades[min(int(activation * len(shades)), len(shades) - 1)]


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
