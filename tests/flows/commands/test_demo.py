"""The demo on a machine with an empty home: the whole road, and nothing done twice."""

import shutil
from pathlib import Path

import pytest

from storage.catalogue.ledger import Ledger
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.benchmarks.catalogue.catalogue_questions import QUESTIONS
from tests.storage.catalogue.plain_answers import define_plainly, differing_views, published_and_plain
from tests.support.commands import Command, Ended, Program

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ended(alone: Program) -> Ended:
    return alone("demo")


@pytest.fixture(scope="module")
def workspace(alone: Program, ended: Ended) -> Workspace:
    (catalogue,) = Path(alone.settings["HOME"]).rglob("catalogue.duckdb")
    return Workspace(catalogue.parent)


def test_it_labels_everything_and_answers_three_questions(ended: Ended) -> None:
    assert ended.code == 0, ended.err
    assert ended.out.startswith("found 19, labelled 19,")
    assert ended.out.count("?\n") == 3


def test_it_says_where_everything_lies_and_draws_a_map_of_every_track(ended: Ended, workspace: Workspace) -> None:
    assert str(workspace.root) in ended.out
    pictures = sorted(workspace.pictures.glob("*.png"))
    assert len(pictures) == 3
    assert all(str(picture) in ended.out and picture.stat().st_size > 50_000 for picture in pictures)


def test_it_leaves_nothing_in_the_home_but_its_workspace_and_its_cache(alone: Program, workspace: Workspace) -> None:
    home = Path(alone.settings["HOME"])
    own = {workspace.root, home / ".cache" / "rolecall"}
    files = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in files if not own & set(path.parents) and "matplotlib" not in str(path)]


def test_the_arrangement_is_heard_as_it_was_arranged(workspace: Workspace) -> None:
    """Its notice says which stems sound where: percussion alone at both ends, bass from bar 17, none in 49 to 56."""
    sql = """
        SELECT start_bar, segments.percussion, segments.bass FROM segments JOIN tracks USING (track_id)
        WHERE path LIKE '%loop_arrangement.ogg' ORDER BY start_bar
    """
    active = {bar: (percussion > 0.5, bass > 0.5) for bar, percussion, bass in ask(workspace, sql).rows}
    assert len(active) == 24
    ends = [bar for bar in active if bar <= 16 or bar > 80]
    assert all(active[bar] == (True, False) for bar in ends)
    assert all(active[bar][1] for bar in range(17, 49, 4))
    assert all(active[bar] == (False, False) for bar in (49, 53))


def test_the_questions_of_a_dj_are_answered_as_it_was_arranged(workspace: Workspace) -> None:
    ends = {
        view: {
            Path(path).stem: stretch
            for path, *stretch in ask(workspace, f"SELECT path, start_bar, end_bar FROM {view}").rows
        }
        for view in ("mix_in", "mix_out")
    }
    assert ends["mix_in"] == {"loop_arrangement": [1, 16]}
    assert ends["mix_out"] == {"loop_arrangement": [81, 96]}
    cores = dict(ask(workspace, "SELECT regexp_extract(path, '[^/]+$'), bar FROM first_core").rows)
    assert 17 <= cores["loop_arrangement.ogg"] <= 33
    # Its drums enter in bar 9, and its bass comes back in bar 17.
    assert cores["dirtylove.ogg"] in (9, 17)


def test_the_questions_of_the_benchmark_have_the_answers_that_the_plain_definitions_give(
    workspace: Workspace, tmp_path: Path
) -> None:
    copy = Workspace(shutil.copytree(workspace.root, tmp_path / "copy"))
    one_of = "SELECT track_id, path FROM tracks WHERE kind = ? AND status = 'labelled' ORDER BY path DESC LIMIT 1"
    with Ledger.of(copy) as ledger:
        define_plainly(ledger)
        ((track, path),), ((loop, _),) = ledger.rows(one_of, ["track"]), ledger.rows(one_of, ["loop"])
        one = {"track": track, "path": path, "name": Path(path).name, "loop": loop}
        answers = {question: published_and_plain(copy, ledger, question, one) for question in QUESTIONS}
        assert [question for question, (answer, expected) in answers.items() if answer != expected] == []
        assert differing_views(copy, ledger) == []


def test_a_second_run_decodes_nothing(rolecall: Command, alone: Program, workspace: Workspace) -> None:
    again = Command({**rolecall.settings, "HOME": alone.settings["HOME"]})("demo")
    assert again.code == 0, again.err
    assert "unchanged 19" in again.out
    assert again.out.splitlines()[0].endswith("decoded 0")
