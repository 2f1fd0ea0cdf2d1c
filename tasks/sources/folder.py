"""Loops from a folder, described by a manifest beside them."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from storage.errors import UserError
from storage.files import sha256_of
from storage.loops.licences import LicenceClass
from storage.loops.table import Loop
from storage.paths import path_text
from tasks.audio.decoding import AudioError, decode
from tasks.audio.library import Omissions, Walk
from tasks.metadata.file_names import key_in_name, roles_in_name
from tasks.metadata.key_names import parse_key
from tasks.metadata.manifests import Row, read_manifest
from tasks.metadata.tags import read_tags
from tasks.rhythm.grid import stated_tempo

_PLACED: Final = {"roles", "bpm", "key", "bars", "group", "licence", "author", "url"}
_PROBE_RATE: Final = 16_000

Said = TypeVar("Said")


@dataclass(frozen=True)
class Offer:
    """The loops that a folder offers, a row each, and what a walk over it passed over."""

    rows: list[Row]
    omissions: Omissions = field(default_factory=Omissions)


def folder_offer(folder: Path, manifest: Path | None) -> Offer:
    """What a folder offers: the rows of its manifest, or one bare row for every audio file in it.

    Without an explicit `manifest`, a `manifest.csv` in the folder is used. Every row is checked before any
    file is read; raises UserError naming the line.
    """
    if not os.path.isdir(folder):  # noqa: PTH112  # Path.is_dir raises where a name is too long
        raise UserError(f"{path_text(folder)} is not a folder; name one that holds loops")
    chosen = manifest or folder / "manifest.csv"
    if manifest is None and not chosen.exists():
        walk = Walk([folder])
        files = sorted(f"{below}/{name}" for below, name in walk.audio())
        return Offer([Row(path_text(file), Path(file), {}) for file in files], walk.omissions)
    rows = list(read_manifest(chosen))
    for row in rows:
        _check(row)
    return Offer(rows)


def loop_from(row: Row) -> Loop:
    """Read the file of a checked row and describe it; raises `AudioError` if it cannot be used."""
    audio = decode(row.path, _PROBE_RATE)
    try:
        digest = sha256_of(row.path)
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    tempo = stated_tempo(row.path, row.bpm())
    tags, name = read_tags(row.path), row.path.name
    roles, roles_source = _first_said(row.roles(), tags.roles, roles_in_name(name), ())
    in_manifest = parse_key(row.cells.get("key", ""))
    (key, mode), key_source = _first_said(
        in_manifest if in_manifest[0] else None, (tags.key, tags.mode) if tags.key else None,
        key_in_name(name) if key_in_name(name)[0] else None, (None, None),
    )  # fmt: skip
    return Loop(
        loop_id=digest[:16],
        source="folder",
        path=path_text(row.path),
        sha256=digest,
        duration_s=audio.duration_s,
        roles=roles,
        group=row.cells.get("group") or path_text(row.path.parent.name) or "folder",
        bpm=tempo.bpm if tempo else None,
        bpm_source=tempo.source if tempo else None,
        bars=row.number("bars"),
        key=key,
        mode=mode,
        licence=row.cells.get("licence", LicenceClass.UNSPECIFIED.value),
        author=row.cells.get("author"),
        url=row.cells.get("url"),
        extra=json.dumps({name: cell for name, cell in row.cells.items() if name not in _PLACED}, sort_keys=True),
        roles_source=roles_source,
        key_source=key_source,
        audio_digest=audio.digest,
    )


def _check(row: Row) -> None:
    row.bpm()
    bars = row.number("bars")
    if bars is not None and bars <= 0:
        raise UserError(f"{row.where}: bars is {bars:g}; a loop has more than none, or leave the cell empty")
    row.roles()


def _first_said(manifest: Said | None, tag: Said | None, name: Said | None, unknown: Said) -> tuple[Said, str | None]:
    """What is said, and who says so: the manifest before the tags before the file name."""
    for said, source in ((manifest, "manifest"), (tag, "tag"), (name, "filename")):
        if said:
            return said, source
    return unknown, None
