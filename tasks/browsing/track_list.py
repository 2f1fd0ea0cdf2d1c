"""A page of the tracks that a filter lets through, with their roles."""

from typing import Any, Final

from storage.catalogue.follower import CatalogueFollower
from tasks.browsing.track_filter import TrackFilter

PER_PAGE: Final = 50
_FOLDERS: Final = 200

_COLUMNS: Final = """
track_id, path, parse_filename(path) AS name, parse_dirpath(path) AS folder, kind, status, duration_s, bpm, bpm_source,
bpm_confidence, bpm_locked, "key", mode, key_confidence, labelled_at
"""


def track_page(catalogue: CatalogueFollower, wanted: TrackFilter) -> dict[str, Any]:
    """The tracks of one page, how many there are in all, and how many a page has."""
    where, values = wanted.conditions()
    total = catalogue.ask(f"SELECT count(*) FROM tracks WHERE {where}", values).rows[0][0]
    tracks = catalogue.ask(
        f"SELECT {_COLUMNS} FROM tracks WHERE {where} ORDER BY {wanted.order()} LIMIT {PER_PAGE} OFFSET $offset",
        {**values, "offset": wanted.page * PER_PAGE},
    ).to_dicts()
    return {"total": total, "page": wanted.page, "per_page": PER_PAGE, "tracks": with_roles(catalogue, tracks)}


def with_roles(catalogue: CatalogueFollower, tracks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same tracks, each with what is known of its roles by their names."""
    roles: dict[int, dict[str, Any]] = {track["track_id"]: {} for track in tracks}
    for row in catalogue.rows(_ROLES, tracks=list(roles)):
        roles[row.pop("track_id")][row.pop("role")] = row
    return [{**track, "roles": roles[track["track_id"]]} for track in tracks]


def folders(catalogue: CatalogueFollower, beginning: str) -> list[dict[str, Any]]:
    """Folders that begin so, with how many files lie directly in each; those with most first."""
    return catalogue.rows(_FOLDER_COUNTS, beginning=beginning)


_ROLES: Final = """
SELECT track_id, role, probability, active, unsure, source FROM roles WHERE track_id IN (SELECT unnest($tracks))
"""

_FOLDER_COUNTS: Final = f"""
SELECT parse_dirpath(path) AS folder, count(*) AS files FROM tracks WHERE starts_with(path, $beginning)
GROUP BY ALL ORDER BY files DESC, folder LIMIT {_FOLDERS}
"""
