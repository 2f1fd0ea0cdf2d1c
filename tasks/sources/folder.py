"""Loops from a folder, described by a manifest beside them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

from storage.errors import UserError
from storage.files import sha256_of
from storage.loops.licences import LicenceClass
from storage.loops.table import Loop
from storage.vocabulary import ROLES
from tasks.audio.decoding import EXTENSIONS, AudioError, decode
from tasks.metadata.file_names import key_in_name, roles_in_name
from tasks.metadata.key_names import parse_key
from tasks.metadata.manifests import Row, absolute, read_manifest
from tasks.metadata.tags import read_tags
from tasks.rhythm.grid import stated_tempo

_PLACED: Final = {"roles", "bpm", "key", "bars", "group", "licence", "author", "url"}
_PROBE_RATE: Final = 16_000

Said = TypeVar("Said")


def folder_rows(folder: Path, manifest: Path | None) -> list[Row]:
    """What a folder offers: the rows of its manifest, or one bare row for every audio file in it.

    Without an explicit `manifest`, a `manifest.csv` in the folder is used. Every row is checked before any
    file is read; raises UserError naming the line.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder; name one that holds loops")
    chosen = manifest or folder / "manifest.csv"
    if manifest is None and not chosen.exists():
        return [Row(str(path), path, {}) for path in _audio_files(folder)]
    rows = list(read_manifest(chosen))
    for row in rows:
        _check(row)
    return rows


def loop_from(row: Row) -> Loop:
    """Read the file of a checked row and describe it; raises `AudioError` if it cannot be used."""
    audio = decode(row.path, _PROBE_RATE)
    try:
        digest = sha256_of(row.path)
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    tempo = stated_tempo(row.path, row.bpm())
    tags, name = read_tags(row.path), row.path.name
    roles, roles_source = _first_said(_roles(row), tags.roles, roles_in_name(name), ())
    in_manifest = parse_key(row.cells.get("key", ""))
    (key, mode), key_source = _first_said(
        in_manifest if in_manifest[0] else None, (tags.key, tags.mode) if tags.key else None,
        key_in_name(name) if key_in_name(name)[0] else None, (None, None),
    )  # fmt: skip
    return Loop(
        loop_id=digest[:16],
        source="folder",
        path=str(row.path),
        sha256=digest,
        duration_s=audio.duration_s,
        roles=roles,
        group=row.cells.get("group") or row.path.parent.name or "folder",
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
    _roles(row)


def _roles(row: Row) -> tuple[str, ...]:
    named = [word for word in re.split(r"[;\s]+", row.cells.get("roles", "")) if word]
    for word in named:
        if word not in ROLES:
            raise UserError(f"{row.where}: no role {word!r}; the roles are {', '.join(ROLES)}, separated by ';'")
    return tuple(role for role in ROLES if role in named)


def _first_said(manifest: Said | None, tag: Said | None, name: Said | None, unknown: Said) -> tuple[Said, str | None]:
    """What is said, and who says so: the manifest before the tags before the file name."""
    for said, source in ((manifest, "manifest"), (tag, "tag"), (name, "filename")):
        if said:
            return said, source
    return unknown, None


def _audio_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in EXTENSIONS and path.is_file():
            yield absolute(path)
