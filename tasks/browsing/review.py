"""What a person should look at first: labels of which the model is unsure, and doubtful tempi."""

from enum import StrEnum
from typing import Any, Final

from storage.catalogue.follower import CatalogueFollower
from tasks.browsing.track_list import with_roles

_MOST: Final = 100


class Doubt(StrEnum):
    """What is in doubt."""

    ROLES = "roles"
    TEMPO = "tempo"


def doubtful_tracks(catalogue: CatalogueFollower, doubt: Doubt) -> dict[str, Any]:
    """The tracks most in doubt, and how many there are; what a person said is in no doubt.

    By roles, those with most unsure labels come first; by tempo, the least sure tempi.
    """
    query = _UNSURE_ROLES if doubt is Doubt.ROLES else _UNSURE_TEMPI
    rows = catalogue.rows(query)
    total = rows[0]["total"] if rows else 0
    return {"total": total, "tracks": with_roles(catalogue, rows)}


_UNSURE_ROLES: Final = f"""
WITH unsure AS (
    SELECT track_id, count(*) AS labels, count(*) OVER () AS total FROM roles WHERE unsure GROUP BY track_id
    ORDER BY labels DESC, track_id LIMIT {_MOST}
)
SELECT track_id, path, parse_filename(path) AS name, kind, bpm, bpm_confidence, labels, total
FROM tracks JOIN unsure USING (track_id) ORDER BY labels DESC, track_id
"""

_UNSURE_TEMPI: Final = f"""
SELECT track_id, path, parse_filename(path) AS name, kind, bpm, bpm_confidence, count(*) OVER () AS total
FROM tracks WHERE status = 'labelled' AND bpm IS NOT NULL AND NOT bpm_locked AND bpm_confidence < 0.5
ORDER BY bpm_confidence, track_id LIMIT {_MOST}
"""
