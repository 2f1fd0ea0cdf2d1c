"""Corrections by people of roles, tempo and first downbeat: they belong to the audio, and no model overwrites them."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

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
