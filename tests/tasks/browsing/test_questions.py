import math

import pytest

from storage.published.follower import CatalogueFollower
from storage.vocabulary import ROLES
from tasks.browsing.compatible import compatible_loops
from tasks.browsing.health import health, role_shares
from tasks.browsing.review import Doubt, doubtful_tracks
from tasks.browsing.track_map import path_of_track, track_map


def any_of(catalogue: CatalogueFollower, condition: str) -> int:
    return int(catalogue.ask(f"SELECT min(track_id) FROM tracks WHERE {condition}").rows[0][0])


def test_a_map_has_segments_bars_spans_and_sections_in_their_order(catalogue: CatalogueFollower) -> None:
    track_id = any_of(catalogue, "kind = 'track' AND status = 'labelled'")
    track = track_map(catalogue, track_id)
    assert track is not None
    assert [row["segment"] for row in track["segments"]] == sorted(row["segment"] for row in track["segments"])
    assert [row["bar"] for row in track["bars"]] == sorted(row["bar"] for row in track["bars"])
    bass = catalogue.ask("SELECT bass FROM segments WHERE track_id = $t ORDER BY segment", {"t": track_id}).rows
    assert [row["activations"][ROLES.index("bass")] for row in track["segments"]] == [value for (value,) in bass]
    assert {row["role"] for row in track["spans"]} <= set(ROLES)
    assert track["sections"][0]["start_bar"] <= 1
    assert track["errors"] == []
    assert path_of_track(catalogue, track_id) is not None


def test_a_file_in_quarantine_has_no_map_and_says_why(catalogue: CatalogueFollower) -> None:
    track = track_map(catalogue, any_of(catalogue, "status = 'quarantined'"))
    assert track is not None
    assert (track["segments"], track["roles"]) == ([], {})
    assert track["errors"][0]["message"] == "cannot be used"


def test_what_is_in_no_catalogue_has_no_map_and_no_path(catalogue: CatalogueFollower) -> None:
    assert (track_map(catalogue, 10**9), path_of_track(catalogue, 10**9)) == (None, None)


@pytest.mark.parametrize("kind", ["loop", "track"])
def test_loops_that_go_with_something_share_no_role_with_it_and_are_near_its_tempo(
    catalogue: CatalogueFollower, kind: str
) -> None:
    seen = 0
    chosen = catalogue.ask(
        f"SELECT track_id, bpm, roles FROM tracks WHERE kind = '{kind}' AND bpm IS NOT NULL LIMIT 20"
    )
    for track_id, bpm, roles in chosen.rows:
        loops = compatible_loops(catalogue, track_id, None)
        seen += len(loops)
        for loop in loops:
            assert loop["track_id"] != track_id
            assert not {role for role, said in loop["roles"].items() if said["active"]} & set(roles)
            assert 0.88 <= loop["stretch"] <= 1.12
            octave = math.log2(loop["bpm"] * loop["stretch"] / bpm)
            assert octave == pytest.approx(round(octave), abs=1e-3)
        drums = {role for role in ROLES if role != "percussion"}
        (asked_key,) = catalogue.ask("SELECT key FROM tracks WHERE track_id = $t", {"t": track_id}).rows[0]
        order = [
            (
                asked_key is not None and loop["key"] is None and any(loop["roles"][role]["active"] for role in drums),
                abs(loop["stretch"] - 1),
            )
            for loop in loops
        ]
        assert order == sorted(order)
    assert seen or kind == "track"


def test_the_page_finds_the_loops_that_the_public_macro_finds(catalogue: CatalogueFollower) -> None:
    asked = catalogue.ask("SELECT track_id FROM tracks WHERE bpm IS NOT NULL AND len(roles) > 0 LIMIT 20").rows
    for (track_id,) in asked:
        macro = catalogue.ask(f"SELECT track_id, stretch, key_match FROM compatible_loops({track_id}) LIMIT 60").rows
        page = compatible_loops(catalogue, track_id, None)
        assert [(loop["track_id"], loop["stretch"], loop["key_match"]) for loop in page] == macro


def test_a_segment_is_completed_by_what_does_not_sound_in_it(catalogue: CatalogueFollower) -> None:
    track_id = any_of(catalogue, "kind = 'track' AND status = 'labelled' AND bpm IS NOT NULL")
    sounding = {
        role
        for (role,) in catalogue.ask(
            "SELECT role FROM iram WHERE track_id = $t AND segment = 0 AND active", {"t": track_id}
        ).rows
    }
    for loop in compatible_loops(catalogue, track_id, 0):
        assert not {role for role, said in loop["roles"].items() if said["active"]} & sounding


def test_most_unsure_labels_come_first_and_what_a_person_said_is_in_no_doubt(catalogue: CatalogueFollower) -> None:
    answer = doubtful_tracks(catalogue, Doubt.ROLES)
    unsure = [sum(said["unsure"] for said in track["roles"].values()) for track in answer["tracks"]]
    assert unsure == sorted(unsure, reverse=True)
    assert min(unsure) > 0
    assert answer["total"] == catalogue.ask("SELECT count(DISTINCT track_id) FROM roles WHERE unsure").rows[0][0]
    tempi = [track["bpm_confidence"] for track in doubtful_tracks(catalogue, Doubt.TEMPO)["tracks"]]
    assert tempi == sorted(tempi)
    assert all(confidence < 0.5 for confidence in tempi)


def test_health_counts_every_file_and_every_error(catalogue: CatalogueFollower) -> None:
    state = health(catalogue)
    assert sum(row["files"] for row in state["files"]) == catalogue.ask("SELECT count(*) FROM tracks").rows[0][0]
    assert sum(row["files"] for row in state["errors"]) == catalogue.ask("SELECT count(*) FROM errors").rows[0][0]
    assert [model["active"] for model in state["models"]] == [True, False]


def test_the_share_of_a_role_on_a_day_is_that_of_the_files_labelled_on_it(catalogue: CatalogueFollower) -> None:
    shares = {row["role"]: row["share"] for row in role_shares(catalogue)}
    for role, share in catalogue.ask("SELECT role, avg(active::INTEGER) FROM roles GROUP BY role").rows:
        assert shares[role] == pytest.approx(share)
