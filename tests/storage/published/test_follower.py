from pathlib import Path

from storage.catalogue.ledger import Ledger
from storage.published.follower import CatalogueFollower
from storage.workspace import Workspace
from tests.support.dummies import card


def publish(workspace: Workspace, *names: str) -> None:
    with Ledger.of(workspace) as ledger:
        for name in names:
            ledger.register_model(card(name=name, mel={"name": name}))
        ledger.publish()


def test_a_question_is_answered_from_the_catalogue_that_was_published_last(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    follower = CatalogueFollower(workspace)
    names = "SELECT name FROM models WHERE name <> $other ORDER BY name"
    assert (follower.rows(names, other="x"), follower.version) == ([], None)
    publish(workspace, "first")
    assert follower.rows(names, other="x") == [{"name": "first"}]
    before = follower.version
    publish(workspace, "second")
    assert follower.rows(names, other="first") == [{"name": "second"}]
    assert follower.version != before
    follower.close()


def test_a_follower_keeps_no_run_from_publishing_and_opens_again_after_it_was_closed(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    publish(workspace, "first")
    follower = CatalogueFollower(workspace)
    follower.rows("FROM models")
    follower.close()
    publish(workspace, "second")
    assert len(follower.rows("FROM models")) == 2
    follower.close()
