"""How well keys are estimated, by networks that know neither maker nor composition of what they are asked about.

A designer, a singer or an album is one maker; a MIDI file that loops and tracks were made from is one composition. Of
every fold the network learns from other makers and other compositions. Beside it: the profiles that the network
replaces, as they were used. The score is that of MIREX (`mir_eval.key`): 1 for the key, .5 for one a fifth above, .3
for the relative, .2 for the parallel.
"""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import mir_eval.key
import numpy as np
import pytest

from storage.vocabulary import KeySource
from tasks.audio.decoding import decode
from tasks.features.key_estimate import KeyEstimate, estimate_from
from tasks.features.key_network import NO_KEY
from tasks.key_training.fitting import FitSettings, fit
from tasks.key_training.material import RATE, TRACK, KeyedFile, KeyedSound, chroma_as_heard, keyed_files
from tasks.metadata.csv_tables import read_table
from tasks.metadata.key_names import TONICS, Key, note_set
from tasks.structure.key import reported_key
from tests.benchmarks.structure.key_profiles import key_by_profile, pitch_classes

pytestmark = pytest.mark.benchmark

_MAKER_FOLDS, _COMPOSITION_FOLDS = 3, 2
_BEFORE_SURE, _BEFORE_ROLES = 0.75, ("melody", "chords", "vocal", TRACK)
_STRETCH, _ASKED = 0.12, 10
_COMPOSITION: Final = re.compile(r"lump \w+|\w+\.mid")


@dataclass(frozen=True)
class Case:
    """A sound of known key, or percussion, with what each way says of it."""

    sound: KeyedSound
    maker: str
    compositions: frozenset[str]
    before: KeyEstimate | None
    after: KeyEstimate | None = None

    @property
    def file(self) -> KeyedFile:
        return self.sound.file


def test_key_estimates(corpus: Path) -> None:
    report(estimated(read_cases(corpus)), tempi_of(corpus))


def report(cases: Sequence[Case], tempi: dict[Path, float]) -> None:
    print(f"\n{'':26}cases  before: score  said  score, notes right of these   after: the same")
    for name, some in kinds(cases):
        print(f"{name:26}{len(some):5}  {figures(some, before=True)}   {figures(some, before=False)}")
    drums = [case for case in cases if case.file.role == "percussion"]
    print(f"of {len(drums)} loops of percussion a key is said, whatever their role: {share_said_of(drums):.2f}")
    loops = [case for case in cases if case.file.role not in (TRACK, "vocal", "percussion")]
    print(f"of the first {_ASKED} answers of compatible_loops, share that has the notes of the loop asked about:")
    for name, before in (("before", True), ("after", False)):
        plain, known_first = (precision_of_compatible(loops, tempi, before, order) for order in (False, True))
        print(f"{name:8}by tempo alone {plain:.2f}   known notes first {known_first:.2f}")


def read_cases(corpus: Path) -> list[Case]:
    return [_case(file) for file in keyed_files(corpus)]


def estimated(cases: Sequence[Case]) -> list[Case]:
    """Each with the estimate by a network that knows neither its maker nor its compositions."""
    found, folds = [], _maker_folds(cases)
    for maker, composition in np.ndindex(_MAKER_FOLDS, _COMPOSITION_FOLDS):
        held_out = [case for case in cases if folds[case.maker] == maker and _composition_fold(case) == composition]
        known = [
            case.sound
            for case in cases
            if folds[case.maker] != maker
            and not any(_fold(name, _COMPOSITION_FOLDS) == composition for name in case.compositions)
        ]
        network = fit(known, FitSettings(seed=1 + maker + _MAKER_FOLDS * composition))
        for case in held_out:
            chroma = case.sound.chroma
            after = estimate_from(network.probabilities(chroma)) if chroma.any() else None
            found.append(replace(case, after=after))
    return found


def kinds(cases: Sequence[Case]) -> Iterator[tuple[str, list[Case]]]:
    """The cases by what they are."""
    yield "generated tracks", [case for case in cases if case.file.role == TRACK and case.maker.startswith("gen_")]
    yield "tracks of an album", [case for case in cases if case.file.role == TRACK and case.maker.startswith("evr_")]
    pitched = [case for case in cases if case.file.key != NO_KEY and case.file.role != TRACK]
    yield "pitched loops", pitched
    for role in ("chords", "melody", "bass", "vocal"):
        yield f"  {role}", [case for case in pitched if case.file.role == role]
    for name, written in (("notes of MIDI files", True), ("made-up patterns", False)):
        yield (
            f"  chords, melody: {name}"[:26],
            [case for case in pitched if case.file.role in ("chords", "melody") and bool(case.compositions) == written],
        )


def figures(cases: Sequence[Case], before: bool) -> str:
    estimates = [case.before if before else case.after for case in cases]
    said = [is_said(case, before) for case in cases]
    scores = np.array([score(case.file.key, one) for case, one in zip(cases, estimates, strict=True)])
    right = np.array([has_notes(case.file.key, one) for case, one in zip(cases, estimates, strict=True)])
    some = np.array(said, np.bool_)
    return f"{scores.mean():.2f}  {some.mean():.2f}  {_mean(scores[some])}  {_mean(right[some])}"


def is_said(case: Case, before: bool) -> bool:
    """Whether a key would be reported of a sound with just its true roles."""
    one = case.before if before else case.after
    if one is None:
        return False
    if before:
        return one.confidence >= _BEFORE_SURE and case.file.role in _BEFORE_ROLES
    roles = ("chords", "percussion") if case.file.role == TRACK else (case.file.role,)
    return reported_key(Key(one.key, one.mode, KeySource.ESTIMATE, one.confidence), roles) is not None


def share_said_of(drums: Sequence[Case]) -> float:
    """In how many sounds without notes a key would be reported if they were taken for chords."""
    said = [
        case.after is not None
        and reported_key(Key(case.after.key, case.after.mode, KeySource.ESTIMATE, case.after.confidence), ("chords",))
        for case in drums
    ]
    return float(np.mean([bool(one) for one in said]))


def score(key: int, estimate: KeyEstimate | None) -> float:
    if estimate is None:
        return 0.0
    true = f"{TONICS[key % 12]} {'minor' if key >= 12 else 'major'}"
    return float(mir_eval.key.weighted_score(true, f"{estimate.key} {estimate.mode}"))


def has_notes(key: int, estimate: KeyEstimate | None) -> bool:
    return estimate is not None and note_set(estimate.key, estimate.mode) == _notes(key)


def precision_of_compatible(loops: Sequence[Case], tempi: dict[Path, float], before: bool, known_first: bool) -> float:
    """Which share of the first ten answers of `compatible_loops` has the notes of the loop that is asked about.

    Every loop of which a key is said is asked about; roles are the true ones. An answer of unknown key comes in its
    turn by tempo, or last.
    """
    estimates = [case.before if before else case.after for case in loops]
    notes = np.array(
        [
            note_set(one.key, one.mode) if one is not None and is_said(case, before) else -1
            for case, one in zip(loops, estimates, strict=True)
        ]
    )
    true = np.array([_notes(case.file.key) for case in loops])
    bpm = np.array([tempi[case.file.path] for case in loops])
    roles = np.array([case.file.role for case in loops])
    right: list[bool] = []
    for asked in np.flatnonzero(notes >= 0):
        stretch = bpm[asked] / bpm * np.array([[0.5], [1.0], [2.0]])
        change = np.where(np.abs(stretch - 1) <= _STRETCH, np.abs(stretch - 1), np.inf).min(axis=0)
        fits = (change < np.inf) & (roles != roles[asked]) & ((notes == notes[asked]) | (notes < 0))
        order = np.lexsort((change, (notes < 0) & known_first))
        first = [place for place in order if fits[place]][:_ASKED]
        right += [bool(true[place] == true[asked]) for place in first]
    return float(np.mean(right))


def tempi_of(corpus: Path) -> dict[Path, float]:
    folder = corpus / "loops"
    rows = read_table(folder / "manifest.csv", "manifest", ("path", "bpm"))
    return {folder / cells["path"]: float(cells.get("bpm", "120")) for _, cells in rows}


def _case(file: KeyedFile) -> Case:
    samples = decode(file.path, RATE).samples
    sound = KeyedSound(file, chroma_as_heard(samples))
    # As they were used: the first eight seconds of every 24.
    parts = [samples[start : start + 8 * RATE] for start in range(0, len(samples), 24 * RATE)]
    before = key_by_profile(np.sum([pitch_classes(part, RATE) for part in parts], axis=0))
    origin = (file.path.parent / "info.json").read_text() if file.role == TRACK else file.origin
    return Case(sound, _maker(file), frozenset(_compositions(origin)), before)


def _compositions(origin: str) -> list[str]:
    stems = json.loads(origin)["stems"] if origin.startswith("{") else [{"source": origin}]
    return _COMPOSITION.findall(" ".join(stem.get("source", "") for stem in stems))


def _maker(file: KeyedFile) -> str:
    """The banks of one designer are one maker, and so are all sounds of one sample set."""
    return re.sub(r"^(amsynth|synth|hw|klettres)_.*", r"\1", file.group)


def _fold(name: str, folds: int) -> int:
    return zlib.crc32(name.encode()) % folds


def _maker_folds(cases: Sequence[Case]) -> dict[str, int]:
    """Which fold each maker is in; the largest are dealt out first, each to the fold that has least."""
    sizes = [0] * _MAKER_FOLDS
    folds = {}
    for maker, count in Counter(case.maker for case in cases).most_common():
        folds[maker] = sizes.index(min(sizes))
        sizes[folds[maker]] += count
    return folds


def _composition_fold(case: Case) -> int:
    return min((_fold(name, _COMPOSITION_FOLDS) for name in case.compositions), default=_fold(str(case.file.path), 2))


def _notes(key: int) -> int:
    return (key + (3 if key >= 12 else 0)) % 12


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():.2f}" if len(values) else "  –"
