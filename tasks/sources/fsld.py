"""The Freesound Loop Dataset: its audio, its metadata and its annotations, joined where they agree."""

import json
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from storage.loops.licences import parse_freesound_licence
from storage.loops.table import Loop
from storage.vocabulary import BpmSource, Reason, Refusal
from tasks.http.remote_zip import RemoteZip, ZipError
from tasks.sources.api_fields import text_field
from tasks.sources.fsld_annotations import (
    Annotation,
    AnnotationError,
    Consensus,
    LeftOutError,
    agree,
    answers,
    parse_annotation,
)

RECORD: Final = 3967852
ANNOTATIONS: Final = "annotations.zip"
AUDIO: Final = "FSL10K.zip"

_ANNOTATION: Final = re.compile(r"annotations/(\d{1,12})/sound-(\d{1,12})\.json")
_SOUND: Final = re.compile(r"audio/wav/(\d{1,12})(?:_(\d{1,12}))?\.[^/]+")


@dataclass(frozen=True)
class AnnotatedSound:
    """An annotated sound: the consensus of its annotators, or why it is left out, and each one's answer."""

    sound_id: int
    consensus: Consensus | None
    left_out: str | None
    answers: list[dict[str, Any]]


@dataclass(frozen=True)
class ChosenSound:
    """A sound to fetch: the archive's member that holds it, and its loop."""

    member: str
    loop: Loop


def place(sound_id: int) -> str:
    """The name of a sound of this source in the view `errors`."""
    return f"fsld:{sound_id}"


def read_annotated_sounds(archive: Path) -> tuple[list[AnnotatedSound], list[Refusal]]:
    """Read every annotation of `annotations.zip`, and let the annotators of each sound agree; ordered by sound.

    Only members `annotations/<digits>/sound-<digits>.json` count. An annotation that is not what the schema says
    is refused and the others decide. What they leave out by a rule is no fault, so it is not refused. Raises ZipError
    if the archive cannot be read.
    """
    by_sound: dict[int, list[Annotation]] = {}
    refused: list[Refusal] = []
    try:
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                match = _ANNOTATION.fullmatch(name)
                if match is None:
                    continue
                said = by_sound.setdefault(int(match.group(2)), [])
                try:
                    said.append(parse_annotation(match.group(1), opened.read(name)))
                except AnnotationError as error:
                    refused.append((f"fsld:{name}", Reason.MALFORMED, str(error)))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise ZipError(f"{archive} cannot be read: {error}; remove it and fetch again") from None
    annotated = [_annotated_sound(sound_id, said) for sound_id, said in sorted(by_sound.items()) if said]
    return annotated, refused


def choose(
    annotated: Iterable[AnnotatedSound],
    archive: RemoteZip,
    metadata: Mapping[str, Any],
    folder: Path,
    roles: Collection[str],
    licences: Collection[str],
    limit: int | None,
) -> tuple[list[ChosenSound], list[Refusal], int]:
    """The sounds to fetch into `folder`: annotated, with audio, metadata and a licence; the first `limit` by id.

    Only those that have one of `roles`, if any are named, and a licence of the classes `licences`. Returns them,
    what is refused (no audio, no metadata, an unknown licence), and how many were passed over for their licence.
    """
    members = sound_members(archive.names)
    wanted: list[ChosenSound] = []
    refused: list[Refusal] = []
    passed_over = 0
    for one in annotated:
        if limit is not None and len(wanted) >= limit:
            break
        if one.consensus is None or (roles and not set(roles) & set(one.consensus.roles)):
            continue
        member = members.get(one.sound_id)
        if member is None:
            refused.append((place(one.sound_id), Reason.VANISHED, f"annotated, but {AUDIO} has no audio of it"))
            continue
        entry = metadata.get(str(one.sound_id))
        if not isinstance(entry, dict):
            refused.append((place(one.sound_id), Reason.LICENCE, "no metadata, so nobody knows its licence"))
            continue
        licence = entry.get("license")
        if not isinstance(licence, str) or parse_freesound_licence(licence) is None:
            refused.append((place(one.sound_id), Reason.LICENCE, f"its licence is {licence!r}, none of Freesound's"))
            continue
        loop = _loop(one, one.consensus, entry, licence, folder / f"{one.sound_id}.wav")
        if loop.licence_class in licences:
            wanted.append(ChosenSound(member, loop))
        else:
            passed_over += 1
    return wanted, refused, passed_over


def sound_members(names: Iterable[str]) -> dict[int, str]:
    """The member that holds each sound; its id is what stands before the first `_`, or before the extension."""
    matches = ((name, _SOUND.fullmatch(name)) for name in names)
    return {int(match.group(1)): name for name, match in matches if match is not None}


def read_metadata(content: bytes) -> dict[str, Any]:
    """The archive's `metadata.json`: an object by sound id; raises ZipError if it is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ZipError(f"metadata.json is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ZipError("metadata.json is no object by sound id")
    return document


def _annotated_sound(sound_id: int, said: list[Annotation]) -> AnnotatedSound:
    try:
        return AnnotatedSound(sound_id, agree(said), None, answers(said))
    except LeftOutError as reason:
        return AnnotatedSound(sound_id, None, str(reason), answers(said))


def _loop(annotated: AnnotatedSound, consensus: Consensus, entry: dict[str, Any], licence: str, path: Path) -> Loop:
    """The metadata of a loop before its file is there; the uploader's tempo counts only where no annotator gave one."""
    author = text_field(entry, "username")
    uploaded = entry.get("annotations")
    uploader_bpm = uploaded.get("bpm") if isinstance(uploaded, dict) else None
    silent_on_tempo = consensus.bpm is None and not {"no_tempo", "bpm_disputed"} & set(consensus.flags)
    guess = float(uploader_bpm) if isinstance(uploader_bpm, int) and 25 <= uploader_bpm <= 300 else None
    bpm = guess if silent_on_tempo else consensus.bpm
    source = None if bpm is None else BpmSource.TAG if silent_on_tempo else BpmSource.ANNOTATORS
    extra = {
        "sound_id": annotated.sound_id,
        "name": text_field(entry, "name"),
        "author_url": f"https://freesound.org/people/{author}/" if author else None,
        "tags": [tag for tag in entry.get("tags") or [] if isinstance(tag, str)],
        "pack_name": text_field(entry, "pack_name"),
        "uploader_bpm": guess,
        "annotations": annotated.answers,
    }
    return Loop(
        loop_id="",
        source="fsld",
        path=str(path),
        sha256="",
        duration_s=0.0,
        roles=consensus.roles,
        # A pack has one uploader, so the uploader keeps packs together too.
        group=f"freesound:{author or annotated.sound_id}",
        unknown_roles=consensus.unknown_roles,
        bpm=bpm,
        bpm_source=source,
        key=consensus.key,
        mode=consensus.mode,
        licence=licence,
        author=author,
        url=f"https://freesound.org/s/{annotated.sound_id}/",
        annotators=consensus.annotators,
        flags=consensus.flags,
        extra=json.dumps(extra, sort_keys=True),
        roles_source="annotators",
        key_source="annotators" if consensus.key else None,
    )
