"""A page of the tracks that a filter lets through, with their roles."""

from typing import Any, Final

from storage.published.follower import CatalogueFollower
from storage.vocabulary import ROLES
from tasks.browsing.track_filter import TrackFilter

PER_PAGE: Final = 50
_FOLDERS: Final = 200

ROLE_COLUMNS: Final = f"{', '.join(ROLES)}, roles, unsure_roles, corrected_roles"
"""What `with_roles` takes of the view `tracks`."""

_COLUMNS: Final = f"""
track_id, path, parse_filename(path) AS name, parse_dirpath(path) AS folder, kind, status, duration_s, bpm, bpm_source,
bpm_confidence, bpm_locked, "key", mode, key_confidence, labelled_at, {ROLE_COLUMNS}
"""


def track_page(catalogue: CatalogueFollower, wanted: TrackFilter) -> dict[str, Any]:
    """The tracks of one page, how many there are in all, and how many a page has."""
    where, values = wanted.conditions()
    total = catalogue.ask(f"SELECT count(*) FROM tracks WHERE {where}", values).rows[0][0]
    rows = catalogue.ask(
        f"SELECT {_COLUMNS} FROM tracks WHERE {where} ORDER BY {wanted.order()} LIMIT {PER_PAGE} OFFSET $offset",
        {**values, "offset": wanted.page * PER_PAGE},
    ).to_dicts()
    return {"total": total, "page": wanted.page, "per_page": PER_PAGE, "tracks": [with_roles(row) for row in rows]}


def with_roles(track: dict[str, Any]) -> dict[str, Any]:
    """A row of the view `tracks` in which what is said of its roles stands under `roles`, by their names.

    `roles` is empty where there are no labels.
    """
    said = {name: track[name] for name in (*ROLES, "roles", "unsure_roles", "corrected_roles")}
    roles = {
        role: {
            "probability": said[role],
            "active": role in said["roles"],
            "unsure": role in said["unsure_roles"],
            "source": "person" if role in said["corrected_roles"] else "model",
        }
        for role in ROLES
        if said[role] is not None
    }
    return {**{name: value for name, value in track.items() if name not in said}, "roles": roles}


def folders(catalogue: CatalogueFollower, beginning: str) -> list[dict[str, Any]]:
    """Folders that begin so, with how many files lie directly in each; those with most first."""
    return catalogue.rows(_FOLDER_COUNTS, beginning=beginning)


_FOLDER_COUNTS: Final = f"""
SELECT parse_dirpath(path) AS folder, count(*) AS files FROM tracks WHERE starts_with(path, $beginning)
GROUP BY ALL ORDER BY files DESC, folder LIMIT {_FOLDERS}
"""
