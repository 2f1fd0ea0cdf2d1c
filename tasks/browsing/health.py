"""How the catalogue is doing: what is in it, its runs, errors by reason, models, and the share of roles over time."""

from typing import Any, Final

from storage.published.follower import CatalogueFollower
from storage.vocabulary import ROLES

_RUNS: Final = 30
_DAYS: Final = 60


def health(catalogue: CatalogueFollower) -> dict[str, Any]:
    """The state of the catalogue; the newest runs first, the most frequent errors first."""
    return {
        "files": catalogue.rows("SELECT kind, status, count(*) AS files FROM tracks GROUP BY ALL ORDER BY ALL"),
        "runs": catalogue.rows(f"FROM runs ORDER BY started_at DESC LIMIT {_RUNS}"),
        "errors": catalogue.rows(_ERRORS),
        "models": catalogue.rows("FROM models ORDER BY active DESC, created_at DESC"),
    }


def role_shares(catalogue: CatalogueFollower) -> list[dict[str, Any]]:
    """Of the files labelled on a day, the share in which each role is active; the last days with labels, in order."""
    return catalogue.rows(_SHARES)


_ERRORS: Final = """
SELECT reason, stage, count(*) AS files, bool_or(retryable) AS retryable, min_by(path, path) AS example,
       min_by(message, path) AS message, max(last_seen) AS last_seen
FROM errors GROUP BY ALL ORDER BY files DESC, reason
"""

_SHARES: Final = f"""
WITH day AS (
    SELECT date_trunc('day', labelled_at)::DATE AS day, count(*) AS files,
           [{", ".join(f"avg(list_contains(roles, '{role}')::INTEGER)" for role in ROLES)}] AS shares
    FROM tracks WHERE labelled_at IS NOT NULL GROUP BY day ORDER BY day DESC LIMIT {_DAYS}
)
SELECT day, unnest([{", ".join(f"'{role}'" for role in ROLES)}]) AS role, unnest(shares) AS share, files
FROM day ORDER BY day, role
"""
