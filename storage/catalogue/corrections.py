"""Corrections by people of roles, tempo and first downbeat: they belong to the audio, and no model overwrites them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import duckdb

from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.files import atomic_path
from storage.vocabulary import ROLES
from storage.workspace import Workspace


@dataclass(frozen=True)
class Correction:
    """One correction: which roles are there and which not, tempo, first downbeat; the rest stays as it was."""

    roles: Mapping[str, bool] = field(default_factory=dict)
    bpm: float | None = None
    first_downbeat_s: float | None = None


Words = Mapping[str, bool | float | None]
"""What a person says of a sound: a role is there or not, `bpm` and `first_downbeat_s` as numbers; None says nothing."""


@dataclass(frozen=True)
class Change:
    """A change of what a person says of one sound: words that replace earlier ones, or take them back (None)."""

    audio_hash: str
    words: Words


class Corrections:
    """The corrections in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        """Read and write an open ledger."""
        self._ledger = ledger

    def audio_hash_of(self, track: str) -> str:
        """The audio hash of an absolute path or a track id; raises UserError if it is unknown or has no labels yet."""
        rows = self._ledger.rows(_SOUND, {"track": track, "number": int(track) if track.isdecimal() else None})
        if not rows:
            raise UserError(f"no track {track} is in the catalogue; give a path or a track_id of the view tracks")
        if rows[0][0] is None:
            raise UserError(f"{track} has no labels yet; label it first, then correct it")
        return str(rows[0][0])

    def enter(self, said: Sequence[tuple[str, Correction]]) -> None:
        """Enter corrections by audio hash, all or none; earlier ones that are not repeated stay."""
        with self._ledger.transaction() as connection:
            for sound, correction in said:
                if correction.bpm is not None or correction.first_downbeat_s is not None:
                    connection.execute(_ENTER_GRID, [sound, correction.bpm, correction.first_downbeat_s])
                for role, present in correction.roles.items():
                    connection.execute(_ENTER_ROLE, [sound, role, present])

    def change(self, changes: Sequence[Change]) -> None:
        """Enter changes in their order, all or none; what they do not name stays."""
        with self._ledger.transaction() as connection:
            for change in changes:
                for name, word in change.words.items():
                    if name in ROLES:
                        statement = _TAKE_BACK_ROLE if word is None else _ENTER_ROLE
                        said = [change.audio_hash, name] if word is None else [change.audio_hash, name, word]
                        connection.execute(statement, said)
                    else:
                        connection.execute(_CHANGE_GRID[name], [change.audio_hash, word])
            connection.execute("DELETE FROM ledger.correction WHERE bpm IS NULL AND first_downbeat_s IS NULL")

    def forget(self, sound: str) -> None:
        """Remove all corrections of an audio hash; the models decide again."""
        with self._ledger.transaction() as connection:
            connection.execute("DELETE FROM ledger.correction WHERE audio_hash = ?", [sound])
            connection.execute("DELETE FROM ledger.correction_role WHERE audio_hash = ?", [sound])

    def export(self, workspace: Workspace) -> None:
        """Write all corrections as a CSV, in the form that `rolecall correct --from` takes back."""
        with atomic_path(workspace.corrections) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(CSV_COLUMNS)
            writer.writerows(self._ledger.rows(_EXPORT))


def words_said(connection: duckdb.DuckDBPyConnection, sound: str) -> dict[str, bool | float]:
    """All that people say of a sound, in a ledger or a published catalogue."""
    roles = connection.execute("SELECT role, present FROM ledger.correction_role WHERE audio_hash = ?", [sound])
    said: dict[str, bool | float] = dict(roles.fetchall())
    grid = connection.execute("SELECT bpm, first_downbeat_s FROM ledger.correction WHERE audio_hash = ?", [sound])
    for row in grid.fetchall():
        said |= {name: value for name, value in zip(GRID, row, strict=True) if value is not None}
    return said


GRID: Final = ("bpm", "first_downbeat_s")
"""What people say of a grid; all other words are of roles."""

CSV_COLUMNS: Final = ("path", "bpm", "first_downbeat_s", *ROLES)

_SOUND: Final = """
SELECT any_value(l.audio_hash) FROM ledger.file f LEFT JOIN ledger.label l ON l.label_key = f.shown_key
WHERE f.path = $track OR f.track_id = $number GROUP BY f.path ORDER BY f.path = $track DESC LIMIT 1
"""

_ENTER_GRID: Final = """
INSERT INTO ledger.correction VALUES (?, ?, ?, now())
ON CONFLICT (audio_hash) DO UPDATE SET
    bpm = coalesce(excluded.bpm, bpm), first_downbeat_s = coalesce(excluded.first_downbeat_s, first_downbeat_s),
    corrected_at = excluded.corrected_at
"""

_ENTER_ROLE: Final = """
INSERT OR REPLACE INTO ledger.correction_role VALUES (?, ?, ?, now())
"""

_TAKE_BACK_ROLE: Final = "DELETE FROM ledger.correction_role WHERE audio_hash = ? AND role = ?"

_CHANGE_GRID: Final = {
    name: f"""
    INSERT INTO ledger.correction (audio_hash, {name}, corrected_at) VALUES (?, ?, now())
    ON CONFLICT (audio_hash) DO UPDATE SET {name} = excluded.{name}, corrected_at = excluded.corrected_at
    """
    for name in GRID
}

_YES_OR_NO: Final = ", ".join(
    f"max(CASE WHEN r.role = '{role}' THEN CASE WHEN r.present THEN 'yes' ELSE 'no' END END)" for role in ROLES
)
_EXPORT: Final = f"""
SELECT f.path, any_value(c.bpm), any_value(c.first_downbeat_s), {_YES_OR_NO}
FROM (SELECT audio_hash FROM ledger.correction UNION SELECT audio_hash FROM ledger.correction_role) s
JOIN (SELECT audio_hash, min(f.path) AS path
      FROM ledger.label l JOIN ledger.file f ON f.shown_key = l.label_key GROUP BY ALL) f USING (audio_hash)
LEFT JOIN ledger.correction c USING (audio_hash) LEFT JOIN ledger.correction_role r USING (audio_hash)
GROUP BY f.path ORDER BY f.path
"""
