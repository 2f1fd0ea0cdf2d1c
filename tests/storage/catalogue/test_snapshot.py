"""The published catalogue answers what the plain definitions of its views answer, written whole or by its changes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from storage.catalogue.corrections import Correction, Corrections
from storage.catalogue.ledger import Ledger
from storage.catalogue.snapshot import changed_paths
from storage.catalogue.verification import verify
from storage.published.queries import ask
from storage.vocabulary import Reason
from storage.workspace import Workspace
from tests.benchmarks.catalogue.catalogue_questions import ABOUT_ONE, QUESTIONS
from tests.benchmarks.catalogue.generated_catalogue import change_tracks, generate
from tests.storage.catalogue.plain_answers import define_plainly, differing_views, published_and_plain

ONE = {"path": "/music/tracks/0001/0001234.mp3", "name": "0001234.mp3"}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """The ledger of 2,000 generated tracks, published, with the plain definitions in its schema `plain`."""
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    generate(workspace, 2000)
    with Ledger.of(workspace) as opened:
        define_plainly(opened)
        yield opened


def workspace_of(ledger: Ledger) -> Workspace:
    return Workspace(
        Path(str(ledger.rows("SELECT path FROM duckdb_databases() WHERE path IS NOT NULL")[0][0])).parents[1]
    )


def differing(ledger: Ledger) -> list[str]:
    return differing_views(workspace_of(ledger), ledger)


def named(ledger: Ledger) -> dict[str, Any]:
    """One track and one loop, for the questions about one."""
    ((track,),) = ledger.rows("SELECT track_id FROM ledger.file WHERE path = ?", [ONE["path"]])
    ((loop,),) = ledger.rows("SELECT min(track_id) FROM plain.tracks WHERE kind = 'loop' AND status = 'labelled'")
    return {**ONE, "track": track, "loop": loop}


def test_every_view_is_published_as_it_is_defined(ledger: Ledger) -> None:
    assert differing(ledger) == []
    assert verify(workspace_of(ledger), ledger) == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_has_the_answer_that_the_plain_definitions_give(ledger: Ledger, question: str) -> None:
    answer, expected = published_and_plain(workspace_of(ledger), ledger, question, named(ledger))
    assert answer
    assert answer == expected


def test_roles_are_in_each_track_as_the_view_of_roles_has_them(ledger: Ledger) -> None:
    rows = ask(
        workspace_of(ledger),
        """SELECT count(*) FROM tracks LEFT JOIN (
               SELECT track_id, list(role) FILTER (active) AS active, list(role) FILTER (unsure) AS unsure,
                      list(role) FILTER (source = 'person') AS said, max(probability) FILTER (role = 'fx') AS fx
               FROM roles GROUP BY ALL) r USING (track_id)
           WHERE list_sort(roles) <> list_sort(coalesce(r.active, []))
              OR list_sort(unsure_roles) <> list_sort(coalesce(r.unsure, []))
              OR list_sort(corrected_roles) <> list_sort(coalesce(said, [])) OR tracks.fx IS DISTINCT FROM r.fx""",
    ).rows
    assert rows == [(0,)]


def test_macros_ask_what_they_say(ledger: Ledger) -> None:
    workspace, one = workspace_of(ledger), named(ledger)
    both = "SELECT count(*) FROM tracks WHERE {}"
    assert (
        ask(workspace, both.format("has_roles(track_id, ['bass', 'vocal'])")).rows
        == ask(workspace, both.format("list_has_all(roles, ['bass', 'vocal'])")).rows
        != [(0,)]
    )
    runs = ask(workspace, "SELECT count(*), min(bars) FROM role_run('bass', 60)").rows
    assert (
        runs
        == ask(
            workspace,
            "SELECT count(*), min(end_bar - start_bar + 1) FROM role_spans "
            "WHERE role = 'bass' AND end_bar - start_bar >= 59",
        ).rows
    )
    for question in ABOUT_ONE.values():
        ask(workspace, question.format(**one))


def test_what_changes_is_published_alone_and_the_catalogue_is_as_if_written_whole(ledger: Ledger) -> None:
    before = ledger.rows("SELECT changed FROM ledger.publication")
    ledger.publish()
    assert ledger.rows("SELECT changed FROM ledger.publication") == before
    change_tracks(ledger, 20)
    ledger.connection.execute("UPDATE ledger.file SET path = '/moved.mp3' WHERE track_id = 5")
    ledger.connection.execute("DELETE FROM ledger.file WHERE track_id = 6")
    ledger.quarantine("two", "decode", [("/music/tracks/0000/0000900.mp3", Reason.TRUNCATED, "is cut")])
    ((sound,),) = ledger.rows("SELECT audio_hash FROM plain.tracks WHERE path = ?", [ONE["path"]])
    Corrections(ledger).enter([(sound, Correction({"fx": True, "bass": False}, bpm=99.0))])
    ledger.publish()
    ((changed,),) = ledger.rows("SELECT changed FROM ledger.publication")
    assert 20 <= changed <= 40
    assert differing(ledger) == []
    assert verify(workspace_of(ledger), ledger) == []


def test_a_catalogue_that_somebody_wrote_to_is_written_whole(ledger: Ledger) -> None:
    workspace = workspace_of(ledger)
    with duckdb.connect(str(workspace.catalogue)) as other:
        other.execute("UPDATE reading.track SET bpm = 1")
    ledger.publish()
    assert ledger.rows("SELECT changed FROM ledger.publication") == [(0,)]
    assert differing(ledger) == []


def test_a_catalogue_by_other_definitions_is_written_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    assert changed_paths(ledger.connection, workspace_of(ledger).catalogue) == []
    monkeypatch.setattr("storage.catalogue.snapshot.definition_digest", lambda: "that of the next version")
    assert changed_paths(ledger.connection, workspace_of(ledger).catalogue) is None


def test_a_catalogue_of_which_much_changed_is_written_whole(ledger: Ledger) -> None:
    change_tracks(ledger, 500, "three")
    ledger.publish()
    assert ledger.rows("SELECT changed FROM ledger.publication") == [(0,)]
    assert differing(ledger) == []


def test_energy_over_the_catalogue_is_answered_in_little_memory(ledger: Ledger) -> None:
    ((bars,),) = ask(workspace_of(ledger), "SELECT count(*) FROM energy", memory_limit="100MB").rows
    assert bars > 400_000


def test_a_publication_that_fails_leaves_the_catalogue_and_the_next_one_succeeds(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    generate(workspace, 30)
    before = workspace.catalogue.read_bytes()
    with Ledger.of(workspace) as ledger:
        ledger.connection.execute("ALTER TABLE ledger.section RENAME TO hidden")
        with pytest.raises(duckdb.CatalogException, match="section"):
            ledger.publish_whole()
        assert workspace.catalogue.read_bytes() == before
        ledger.connection.execute("ALTER TABLE ledger.hidden RENAME TO section")
        ledger.publish_whole()
        assert verify(workspace, ledger) == []
    assert [path for path in tmp_path.iterdir() if path.name.startswith("catalogue")] == [workspace.catalogue]
