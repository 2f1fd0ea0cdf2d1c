"""Loops that go with a loop, or with one segment of a track."""

from typing import Any, Final

from storage.catalogue.follower import CatalogueFollower
from tasks.browsing.track_list import with_roles

_MOST: Final = 60


def compatible_loops(catalogue: CatalogueFollower, track_id: int, segment: int | None) -> list[dict[str, Any]]:
    """Loops within 12 % of the tempo (half and double count), in the same notes or none, and without its roles.

    Of a segment, its roles are those active in these four bars. `stretch` is the factor of tempo that fits the loop to
    the track. The smallest change of tempo comes first.
    """
    active = _TRACK_ROLES if segment is None else _SEGMENT_ROLES
    values = {"track": track_id} if segment is None else {"track": track_id, "segment": segment}
    roles = [role for (role,) in catalogue.ask(active, values).rows]
    return with_roles(catalogue, catalogue.rows(_COMPATIBLE, track=track_id, taken=roles))


_TRACK_ROLES: Final = "SELECT role FROM roles WHERE track_id = $track AND active"
_SEGMENT_ROLES: Final = "SELECT role FROM iram WHERE track_id = $track AND segment = $segment AND active"

_COMPATIBLE: Final = f"""
WITH asked AS (
    SELECT bpm, ledger.notes_of("key", mode) AS notes FROM tracks WHERE track_id = $track
),
near AS (
    SELECT t.track_id, t.path, t.kind, t.duration_s, t.bpm, t.first_downbeat_s, t."key", t.mode,
           asked.bpm * octave.ratio / t.bpm AS stretch,
           ledger.notes_of(t."key", t.mode) AS notes, asked.notes AS asked_notes
    FROM tracks t CROSS JOIN asked CROSS JOIN (VALUES (0.5), (1.0), (2.0)) AS octave(ratio)
    WHERE t.kind = 'loop' AND t.status = 'labelled' AND t.track_id <> $track
      AND asked.bpm * octave.ratio / t.bpm BETWEEN 0.88 AND 1.12
),
active AS (
    SELECT track_id, list(role ORDER BY role) AS roles FROM roles
    WHERE active AND track_id IN (SELECT track_id FROM near) GROUP BY track_id
)
SELECT track_id, path, parse_filename(path) AS name, kind, duration_s, bpm, first_downbeat_s, "key", mode,
       round(stretch, 4) AS stretch, CASE WHEN notes = asked_notes THEN 'same notes' ELSE 'unknown' END AS key_match
FROM near JOIN active USING (track_id)
WHERE (notes = asked_notes OR notes IS NULL OR asked_notes IS NULL OR roles = ['percussion'])
  AND NOT list_has_any(roles, $taken::VARCHAR[])
ORDER BY abs(stretch - 1), path LIMIT {_MOST}
"""
