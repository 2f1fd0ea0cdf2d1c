"""Scores against maps that people annotated, four bars at a time, such as those of Drysdale's ten tracks.

The form is that of the ten tracks which Drysdale annotated for "Improved Automatic Instrumentation Role Classification
and Structural Analysis for Electronic Music Production" (2022): `<name>_role_activations.npy`, five rows of 0 and 1,
one column for every four bars from bar 1. The tracks are not among them: they are the user's own copies.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.errors import UserError
from storage.paths import absolute, path_of, path_text
from storage.vocabulary import ROLES, Kind, Status
from tasks.audio.library import Walk, is_audio
from tasks.evaluation.metrics import Labels, common_pr_auc, summarise
from tasks.evaluation.reliability import bootstrap_interval
from tasks.features.mel_config import Matrix
from tasks.labelling.batch import label_batch
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.metadata.manifests import read_manifest

READINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "as the files read": ("chords", "melody", "fx", "bass", "percussion"),
    "as the post states": ("bass", "percussion", "fx", "melody"),
}
"""The roles of the rows, from the first on: the post names four, the files have five, of which the first is empty."""

_ROWS: Final = 5
_SUFFIX: Final = "_role_activations"
_NPY, _MAP = ".npy", ".json"
_CHORDS, _MELODY = ROLES.index("chords"), ROLES.index("melody")


@dataclass(frozen=True)
class AnnotatedTrack:
    """A track with its annotation (5, segments); `source` is its audio, or a map in JSON that was made elsewhere."""

    name: str
    annotation: NDArray[np.bool_]
    source: Path
    bpm: float | None = None
    first_downbeat_s: float | None = None


@dataclass(frozen=True)
class MapScores:
    """Scores over all tracks by reading of the rows, what each track added, and what was left out and why."""

    readings: dict[str, dict[str, Any]]
    tracks: list[dict[str, Any]]
    left_out: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"readings": self.readings, "tracks": self.tracks, "left_out": self.left_out}


def has_annotations(folder: Path) -> bool:
    """Whether a folder holds annotated maps."""
    return any(name.endswith(_NPY) for name in _names_in(folder))


def score_annotated(folder: Path, recipe: LabelRecipe) -> MapScores:
    """Map every annotated track of a folder with a model, or take the maps that are given, and score them.

    Tracks without audio, and those that cannot be mapped, are left out and named. Raises UserError if none is left.
    """
    tracks, left_out = find_annotated(folder)
    mapped: list[tuple[AnnotatedTrack, Matrix]] = []
    for track in tracks:
        try:
            given = track.source.suffix.lower() == _MAP
            mapped.append((track, _given_map(track) if given else _model_map(track, recipe)))
        except _NoMapError as error:
            left_out.append({"track": track.name, "reason": str(error)})
    if not mapped:
        why = "; ".join(f"{one['track']}: {one['reason']}" for one in left_out[:3])
        raise UserError(
            f"no annotated track in {folder} can be scored ({why}); put your copy of each beside its annotation "
            f"(0.mp3 beside 0{_SUFFIX}.npy), or write a manifest.csv there: path,annotation[,bpm][,first_downbeat_s]"
        )
    return MapScores(
        readings={name: _pooled(mapped, rows, recipe.card.thresholds) for name, rows in READINGS.items()},
        tracks=[
            {
                "track": track.name,
                "source": path_text(track.source),
                "segments": track.annotation.shape[1],
                "scored": min(track.annotation.shape[1], len(activations)),
            }
            for track, activations in mapped
        ],
        left_out=left_out,
    )


def find_annotated(folder: Path) -> tuple[list[AnnotatedTrack], list[dict[str, str]]]:
    """The annotated tracks of a folder, by its `manifest.csv` or else by name, and the annotations without a track.

    Columns of the manifest: `path` (audio, or JSON as `rolecall iram --json` prints it), `annotation`, `bpm`,
    `first_downbeat_s`. Raises UserError for an annotation that is none.
    """
    manifest = folder / "manifest.csv"
    if manifest.exists():
        return list(_named_in(manifest)), []
    tracks, left_out = [], []
    names = _names_in(folder)
    for npy in [one for one in names if one.endswith(_NPY)]:
        name, annotation = Path(npy).stem.removesuffix(_SUFFIX), read_annotation(folder / npy)
        source = next((one for one in names if Path(one).stem == name and _is_source(one)), None)
        if source is not None:
            tracks.append(AnnotatedTrack(path_text(name), annotation, absolute(folder / source)))
        else:
            left_out.append({"track": path_text(name), "reason": f"no audio named {path_text(name)}.*"})
    return tracks, left_out


def _names_in(folder: Path) -> list[str]:
    """The files that lie in a folder itself, as a walk finds them."""
    return next(Walk([folder]).folders(), ("", []))[1] if folder.is_dir() else []


def _is_source(name: str) -> bool:
    return is_audio(name) or name.lower().endswith(_MAP)


def read_annotation(path: Path) -> NDArray[np.bool_]:
    """An annotation (5, segments); raises UserError if the file holds anything but five rows of 0 and 1."""
    try:
        with path.open("rb") as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError) as error:
        raise UserError(f"cannot read the annotation {path_text(path)}: {error}") from error
    if values.ndim != 2 or values.dtype.kind not in "biuf" or len(values) != _ROWS or not np.isin(values, (0, 1)).all():
        raise UserError(
            f"{path_text(path)} is no annotation of roles: it must hold {_ROWS} rows of 0 and 1, a column every 4 bars"
        )
    return np.asarray(values == 1)


def truth_of(annotation: NDArray[np.bool_], rows: Sequence[str]) -> Labels:
    """What an annotation (5, segments) says of each role (segments, roles) if its rows are these; -1 where nothing.

    Chords are folded into melody: the annotations tell no difference. Of vocals they say nothing.
    """
    truth = np.full((annotation.shape[1], len(ROLES)), -1.0, np.float32)
    for role, on in zip(rows, annotation, strict=False):
        place = ROLES.index("melody" if role == "chords" else role)
        truth[:, place] = np.maximum(truth[:, place], on)
    return truth


def change_f(truth: Labels, said: NDArray[np.bool_], starts: Sequence[int]) -> float | None:
    """F-measure of where a role comes in or goes out, at the very segment; None if it never does and nobody said so.

    `truth` and `said` (segments,), of any length, are tracks in a row, each beginning at one of `starts`.
    """
    inside = np.setdiff1d(np.arange(1, len(truth)), starts)
    changes, predicted = truth[inside] != truth[inside - 1], said[inside] != said[inside - 1]
    total = int(changes.sum() + predicted.sum())
    return 2 * int((changes & predicted).sum()) / total if total else None


def _pooled(
    mapped: Sequence[tuple[AnnotatedTrack, Matrix]], rows: Sequence[str], thresholds: dict[str, float]
) -> dict[str, Any]:
    truths, answers, groups, starts = [], [], [], [0]
    for track, activations in mapped:
        # What an annotation has fewer or more columns than the map is cut off its end: neither is ever stretched.
        shared = min(track.annotation.shape[1], len(activations))
        truths.append(truth_of(track.annotation[:, :shared], rows))
        answers.append(_folded(activations[:shared]))
        groups += [track.name] * shared
        starts.append(starts[-1] + shared)
    truth, answer = np.concatenate(truths), np.concatenate(answers)
    scores = summarise(truth, answer, thresholds)
    changes: dict[str, float | None] = {}
    for place, role in enumerate(ROLES):
        if scores["roles"][role]["segments"]:
            changes[role] = change_f(truth[:, place], answer[:, place] >= thresholds[role], starts)
            scores["roles"][role]["change_f"] = changes[role]
        else:
            del scores["roles"][role]
    known = [value for value in changes.values() if value is not None]
    return {
        **scores,
        "macro_change_f": float(np.mean(known)) if known else None,
        "pr_auc_interval": bootstrap_interval(truth, answer, common_pr_auc, groups),
    }


def _folded(activations: Matrix) -> Matrix:
    """A map (segments, roles) whose melody is the greater of melody and chords."""
    folded = activations.copy()
    folded[:, _MELODY] = np.maximum(activations[:, _MELODY], activations[:, _CHORDS])
    return folded


def _named_in(manifest: Path) -> Iterator[AnnotatedTrack]:
    for row in read_manifest(manifest):
        annotation = row.cells.get("annotation")
        if annotation is None:
            raise UserError(f"{row.where}: no annotation; name the .npy file of this track")
        yield AnnotatedTrack(
            Path(annotation).stem.removesuffix(_SUFFIX),
            read_annotation(manifest.parent / path_of(annotation.replace("\\", "/"))),
            row.path,
            row.bpm(),
            row.first_downbeat_s(),
        )


class _NoMapError(Exception):
    """A track that has no map; the message says why."""


def _model_map(track: AnnotatedTrack, recipe: LabelRecipe) -> Matrix:
    """The map (segments, roles) that labelling gives, from the first downbeat on."""
    request = LabelRequest(
        "", path_text(track.source), kind=Kind.TRACK, bpm=track.bpm, first_downbeat_s=track.first_downbeat_s
    )
    (outcome,) = label_batch([request], recipe)
    if outcome.status is not Status.LABELLED:
        raise _NoMapError(outcome.message or "no steady tempo was found; state its bpm in a manifest")
    return np.array([one.activations for one in outcome.segments if one.segment >= 0], np.float32)


def _given_map(track: AnnotatedTrack) -> Matrix:
    """A map (segments, roles) that was made elsewhere; roles that it does not have are off."""
    try:
        segments = json.loads(track.source.read_text(encoding="utf-8"))["segments"]
        rows = [one["activations"] for one in segments if one["segment"] >= 0]
        activations = np.array([[float(row.get(role, 0.0)) for role in ROLES] for row in rows], np.float32)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _NoMapError(
            f"{path_text(track.source)} is no map as rolecall iram --json prints it ({error!r})"
        ) from error
    if not len(activations):
        raise _NoMapError(f"the map {path_text(track.source)} has no segments")
    if not np.isfinite(activations).all():
        raise _NoMapError(f"the map {path_text(track.source)} holds activations that are no numbers")
    return activations
