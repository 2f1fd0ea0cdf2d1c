"""What a person should look at first: labels of which the model is unsure, and doubtful tempi."""

from enum import StrEnum
from typing import Any, Final

from storage.published.follower import CatalogueFollower
from tasks.browsing.track_list import ROLE_COLUMNS, with_roles

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
    return {"total": total, "tracks": [with_roles(row) for row in rows]}


_SHOWN: Final = f"""
SELECT track_id, path, parse_filename(path) AS name, kind, bpm, bpm_confidence, {ROLE_COLUMNS},
       count(*) OVER () AS total
"""

_UNSURE_ROLES: Final = f"""
{_SHOWN} FROM tracks WHERE len(unsure_roles) > 0 ORDER BY len(unsure_roles) DESC, track_id LIMIT {_MOST}
"""

_UNSURE_TEMPI: Final = f"""
{_SHOWN} FROM tracks WHERE status = 'labelled' AND bpm IS NOT NULL AND NOT bpm_locked AND bpm_confidence < 0.5
ORDER BY bpm_confidence, track_id LIMIT {_MOST}
"""
