"""Forms of simulated tracks: which section follows which, and for how many bars."""

from typing import Final

import numpy as np

from storage.vocabulary import SectionLabel

Form = list[tuple[SectionLabel, int]]
"""Sections in order, each with its number of bars."""

_INTRO, _BUILD, _CORE, _BREAK, _OUTRO = SectionLabel
_MOST_BARS: Final = 240


def simulated_form(rng: np.random.Generator) -> Form:
    """The form of a track: club music, songs, long ascents, or hardly any form at all.

    Sections last a multiple of the track's own unit of four, eight or sixteen bars; one border in thirty lies some bars
    beside that, one track in thirty begins beside the phrase lines, and one in six is cut off at an end.
    """
    shape = rng.choice(5, p=[0.35, 0.15, 0.2, 0.15, 0.15])
    labels = [_club, _song, _groove, _ascent, _through][shape](rng)
    unit = int(rng.choice([4, 8, 16], p=[0.4, 0.5, 0.1]))
    form = [(label, _bars(label, unit, rng)) for label in labels]
    form = _moved(form, rng)
    if rng.random() < 0.03:
        form[0] = (form[0][0], form[0][1] + int(rng.integers(1, 4)))
    if rng.random() < 0.16:
        form = _cut(form, rng)
    while sum(bars for _, bars in form) > _MOST_BARS:
        form.pop(len(form) // 2)
        form = _joined(form)
    return form


def _club(rng: np.random.Generator) -> list[SectionLabel]:
    labels = [_INTRO] if rng.random() < 0.9 else []
    if rng.random() < 0.25:
        labels.append(_BREAK)
    cores = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.5, 0.25, 0.1]))
    for number in range(cores):
        if rng.random() < 0.45:
            labels.append(_BUILD)
        labels.append(_CORE)
        if number < cores - 1:
            labels.append(_BREAK)
    return labels + ([_OUTRO] if rng.random() < 0.85 else [])


def _song(rng: np.random.Generator) -> list[SectionLabel]:
    labels = [_INTRO] if rng.random() < 0.75 else []
    for _ in range(int(rng.integers(2, 4))):
        labels.append(_BREAK)
        if rng.random() < 0.4:
            labels.append(_BUILD)
        labels.append(_CORE)
    return labels + ([_OUTRO] if rng.random() < 0.6 else [])


def _groove(rng: np.random.Generator) -> list[SectionLabel]:
    labels = [_INTRO] if rng.random() < 0.6 else []
    labels.append(_CORE)
    for _ in range(int(rng.integers(0, 4))):
        labels += [_BREAK, _CORE]
    return labels + ([_OUTRO] if rng.random() < 0.5 else [])


def _ascent(rng: np.random.Generator) -> list[SectionLabel]:
    labels = [_INTRO]
    if rng.random() < 0.3:
        labels.append(_BUILD)
    return [*labels, _CORE, *([_OUTRO] if rng.random() < 0.8 else [])]


def _through(rng: np.random.Generator) -> list[SectionLabel]:
    before = [_INTRO] if rng.random() < 0.4 else []
    return [*before, _CORE, *([_OUTRO] if rng.random() < 0.4 else [])]


def _bars(label: SectionLabel, unit: int, rng: np.random.Generator) -> int:
    if label is _BUILD:
        bars = int(rng.choice([2, 4, 8, 16], p=[0.05, 0.5, 0.35, 0.1]))
    elif label is _CORE:
        bars = unit * int(rng.integers(1, 8))
        bars = max(bars, 8) if rng.random() < 0.9 else bars
    else:
        bars = unit * int(rng.choice([1, 2, 3, 4, 6], p=[0.3, 0.3, 0.2, 0.15, 0.05]))
    return bars


def _moved(form: Form, rng: np.random.Generator) -> Form:
    """With a border here and there up to three bars earlier or later."""
    moved = list(form)
    for place in range(len(form) - 1):
        by = int(rng.integers(1 - min(3, moved[place][1]), min(3, moved[place + 1][1])))
        if rng.random() < 0.03:
            moved[place] = (moved[place][0], moved[place][1] + by)
            moved[place + 1] = (moved[place + 1][0], moved[place + 1][1] - by)
    return moved


def _cut(form: Form, rng: np.random.Generator) -> Form:
    """Without some bars at one end; a track that begins or ends within a core does so with a core."""
    place = 0 if rng.random() < 0.5 else len(form) - 1
    if rng.random() < 0.5 and len(form) > 1:
        form = [part for number, part in enumerate(form) if number != place]
        place = min(place, len(form) - 1)
    label, bars = form[place]
    form[place] = (label, max(1, bars - int(rng.integers(0, bars))))
    return form


def _joined(form: Form) -> Form:
    """Neighbours of one label as one section."""
    joined: Form = []
    for label, bars in form:
        if joined and joined[-1][0] == label:
            joined[-1] = (label, joined[-1][1] + bars)
        else:
            joined.append((label, bars))
    return joined
