"""Loops from a folder, described by a manifest beside them."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from storage.errors import UserError
from storage.files import sha256_of
from storage.loops.licences import LicenceClass
from storage.loops.table import Loop
from storage.paths import path_text
from storage.vocabulary import KeySource, Kind
from tasks.audio.decoding import AudioError, decode
from tasks.audio.library import Omissions, Walk
from tasks.metadata.manifests import Row, read_manifest
from tasks.metadata.written import Written, read_written, stated_key, stated_roles
from tasks.rhythm.grid import Tempo, stated_tempo
from tasks.rhythm.loop_tempo import numbered_tempo
from tasks.rhythm.one_shots import is_one_shot
from tasks.rhythm.onsets import GridPower, grid_power

_PLACED: Final = {"roles", "bpm", "key", "bars", "group", "licence", "author", "url", "kind"}
_PROBE_RATE: Final = 16_000


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
    written = read_written(row.path)
    rhythm = grid_power(audio.samples, _PROBE_RATE)
    tempo = _tempo(row, rhythm, written)
    roles, roles_source = stated_roles(written, row.roles())
    key = stated_key(written, row.cells.get("key"))
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
        key=key.key if key else None,
        mode=key.mode if key else None,
        licence=row.cells.get("licence", LicenceClass.UNSPECIFIED.value),
        author=row.cells.get("author"),
        url=row.cells.get("url"),
        extra=json.dumps({name: cell for name, cell in row.cells.items() if name not in _PLACED}, sort_keys=True),
        roles_source=roles_source,
        key_source=key.source if key else None,
        key_confidence=key.confidence if key and key.source is KeySource.SAMPLER else None,
        audio_digest=audio.digest,
        flags=(Kind.ONESHOT.value,) if _is_one_shot(row, rhythm, written, tempo) else (),
    )


def _tempo(row: Row, rhythm: GridPower, written: Written) -> Tempo | None:
    """The tempo that is written down, or that a number in the name says, if the sound lets it."""
    tempo = stated_tempo(written, row.bpm(), rhythm.duration_s)
    if tempo is not None or written.name_number is None:
        return tempo
    return numbered_tempo(rhythm, written.name_number)


def _is_one_shot(row: Row, rhythm: GridPower, written: Written, tempo: Tempo | None) -> bool:
    """Whether a file is a one-shot; who lists it with anything said of it takes it for a loop, unless it is flagged."""
    if (kind := row.kind()) is not None:
        return kind is Kind.ONESHOT
    if row.cells:
        return written.kind is Kind.ONESHOT and not row.cells.keys() & {"bpm", "bars"}
    return is_one_shot(rhythm, written, tempo)


def _check(row: Row) -> None:
    row.bpm()
    bars = row.number("bars")
    if bars is not None and bars <= 0:
        raise UserError(f"{row.where}: bars is {bars:g}; a loop has more than none, or leave the cell empty")
    row.kind()
    row.roles()
