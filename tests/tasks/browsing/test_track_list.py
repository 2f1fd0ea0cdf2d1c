from typing import Any

import pytest
from pydantic import ValidationError

from storage.published.follower import CatalogueFollower
from storage.vocabulary import ROLES
from tasks.browsing.track_filter import RoleState, Sort, TrackFilter
from tasks.browsing.track_list import PER_PAGE, folders, track_page


def found(catalogue: CatalogueFollower, **wanted: Any) -> list[int]:
    """The ids of all that a filter lets through, page by page."""
    ids: list[int] = []
    for page in range(100):
        answer = track_page(catalogue, TrackFilter(page=page, **wanted))
        ids += [track["track_id"] for track in answer["tracks"]]
        if len(answer["tracks"]) < PER_PAGE:
            assert answer["total"] == len(ids)
            return ids
    raise AssertionError("no end")


def ids(catalogue: CatalogueFollower, condition: str) -> set[int]:
    return {track for (track,) in catalogue.ask(f"SELECT track_id FROM tracks WHERE {condition}").rows}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    ("state", "condition"),
    [(RoleState.ON, "active"), (RoleState.OFF, "NOT active"), (RoleState.UNSURE, "unsure")],
)
def test_a_role_is_on_off_or_unsure_as_the_view_of_roles_has_it(
    catalogue: CatalogueFollower, role: str, state: RoleState, condition: str
) -> None:
    right = ids(catalogue, f"track_id IN (SELECT track_id FROM roles WHERE role = '{role}' AND {condition})")
    assert set(found(catalogue, **{role: state})) == right
    assert right


@pytest.mark.parametrize(
    ("wanted", "condition"),
    [
        ({}, "true"),
        ({"bpm_min": 120, "bpm_max": 128}, "bpm BETWEEN 120 AND 128"),
        ({"kind": "loop"}, "kind = 'loop'"),
        ({"status": "quarantined"}, "status = 'quarantined'"),
        ({"bpm_confidence": 0.5}, "bpm_confidence >= 0.5"),
        ({"text": "LOOPS 00"}, "path LIKE '%loops%' AND path LIKE '%00%'"),
        ({"text": "' OR true --"}, "false"),
        ({"text": "100%"}, "false"),
        ({"folder": "/music/loops"}, "path LIKE '/music/loops/%'"),
        ({"folder": "/music/loop"}, "false"),
        ({"bass": "on", "vocal": "off", "kind": "track"},
         "kind = 'track' AND list_contains(roles, 'bass') AND NOT list_contains(roles, 'vocal')"),
    ],
)  # fmt: skip
def test_filters_let_through_what_they_say_and_all_count(
    catalogue: CatalogueFollower, wanted: dict[str, Any], condition: str
) -> None:
    assert set(found(catalogue, **wanted)) == ids(catalogue, condition)


@pytest.mark.parametrize("key", ["A minor", "Am", "8A"])
def test_a_key_is_found_by_any_of_its_names_and_with_those_that_mix_with_it(key: str) -> None:
    condition, values = TrackFilter(key=key).conditions()
    assert ("$keys" in condition, values) == (True, {"keys": ["A minor"]})
    assert TrackFilter(key=key, mixing=True).conditions()[1]["keys"] == ["A minor", "C major", "D minor", "E minor"]


@pytest.mark.parametrize("key", ["A", "H#", "loud"])
def test_what_is_no_key_with_a_mode_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="is no key"):
        TrackFilter(key=key)


@pytest.mark.parametrize("sort", Sort)
@pytest.mark.parametrize("descending", [False, True])
def test_every_order_runs_one_way_and_what_has_no_value_comes_last(
    catalogue: CatalogueFollower, sort: Sort, descending: bool
) -> None:
    order = found(catalogue, sort=sort, descending=descending)
    rows = dict(catalogue.ask(f'SELECT track_id, "{sort.value}" FROM tracks').rows)
    values = [rows[track] for track in order]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=descending)
    assert values == known + [None] * (len(values) - len(known))


def test_a_track_comes_with_what_is_said_of_each_role(catalogue: CatalogueFollower) -> None:
    rows = catalogue.rows("SELECT track_id, role, probability, active, unsure, source FROM roles")
    right = {(row.pop("track_id"), row.pop("role")): row for row in rows}
    shown = track_page(catalogue, TrackFilter(status="labelled"))["tracks"]
    assert len(shown) == PER_PAGE
    for track in shown:
        assert track["roles"] == {role: right[track["track_id"], role] for role in ROLES}
    (waiting, *_) = track_page(catalogue, TrackFilter(status="quarantined"))["tracks"]
    assert waiting["roles"] == {}


def test_folders_are_told_by_how_they_begin_those_with_most_files_first(catalogue: CatalogueFollower) -> None:
    told = folders(catalogue, "/music/")
    assert sum(row["files"] for row in told) == catalogue.ask("SELECT count(*) FROM tracks").rows[0][0]
    assert [row["files"] for row in told] == sorted((row["files"] for row in told), reverse=True)
    assert [row["folder"] for row in folders(catalogue, "/music/l")] == ["/music/loops/0000"]
    assert folders(catalogue, "/nowhere") == []
