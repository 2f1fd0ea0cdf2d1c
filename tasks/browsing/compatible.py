"""Loops that go with a loop, or with one segment of a track."""

from typing import Any, Final

from storage.published.follower import CatalogueFollower
from tasks.browsing.track_list import ROLE_COLUMNS, with_roles

_MOST: Final = 60


def compatible_loops(catalogue: CatalogueFollower, track_id: int, segment: int | None) -> list[dict[str, Any]]:
    """Loops within 12 % of the tempo (half and double count), in the same notes or none, and without its roles.

    Of a segment, its roles are those active in these four bars; of a whole track the answer is that of the public macro
    `compatible_loops`. `stretch` is the factor of tempo that fits the loop to the track. Known to fit comes before
    unknown notes, and the smallest change of tempo first.
    """
    if segment is None:
        rows = catalogue.ask(_TRACK_ROLES, {"track": track_id}).rows
    else:
        rows = catalogue.ask(_SEGMENT_ROLES, {"track": track_id, "segment": segment}).rows
    loops = catalogue.rows(_COMPATIBLE, track=track_id, taken=[role for (role,) in rows])
    return [with_roles(loop) for loop in loops]


_TRACK_ROLES: Final = "SELECT unnest(roles) FROM tracks WHERE track_id = $track"
_SEGMENT_ROLES: Final = "SELECT role FROM iram WHERE track_id = $track AND segment = $segment AND active"

_COMPATIBLE: Final = f"""
WITH asked AS (
    SELECT bpm, ledger.notes_of("key", mode) AS notes FROM tracks WHERE track_id = $track
),
near AS (
    SELECT t.*, asked.bpm * octave.ratio / t.bpm AS stretch,
           ledger.notes_of(t."key", t.mode) AS notes, asked.notes AS asked_notes
    FROM tracks t CROSS JOIN asked CROSS JOIN (VALUES (0.5), (1.0), (2.0)) AS octave(ratio)
    WHERE t.kind = 'loop' AND t.status = 'labelled' AND t.track_id <> $track
      AND asked.bpm * octave.ratio / t.bpm BETWEEN 0.88 AND 1.12
)
SELECT track_id, path, parse_filename(path) AS name, kind, duration_s, bpm, first_downbeat_s, "key", mode,
       round(stretch, 4) AS stretch, CASE WHEN notes = asked_notes THEN 'same notes' ELSE 'unknown' END AS key_match,
       {ROLE_COLUMNS}
FROM near
WHERE (notes = asked_notes OR notes IS NULL OR asked_notes IS NULL OR roles = ['percussion'])
  AND len(roles) > 0 AND NOT list_has_any(roles, $taken::VARCHAR[])
ORDER BY asked_notes IS NOT NULL AND notes IS NULL AND roles <> ['percussion'], abs(stretch - 1), path LIMIT {_MOST}
"""
