from pathlib import Path

import duckdb
import pytest

from storage.catalogue.ledger import Ledger, RunCounts
from storage.catalogue.schema import SCHEMA_VERSION
from storage.errors import UserError
from storage.published.queries import ask
from storage.vocabulary import Reason
from storage.workspace import Workspace
from tests.support.dummies import Nights, card

OTHER = card(mel={"mels": 1}, name="other")


def test_a_model_is_registered_once_with_its_card(nights: Nights) -> None:
    nights.ledger.register_model(card())
    assert nights.ask("SELECT model_id, name, network, pooling, macro_pr_auc, active FROM models") == [
        (nights.model_id, "dummy", "separable", "auto", 0.75, True)
    ]
    assert nights.ask("SELECT count(*) FROM ledger.model_role") == [(6,)]


def test_exactly_one_model_is_active(nights: Nights) -> None:
    nights.ledger.register_model(OTHER)
    assert nights.ledger.active_model() == nights.model_id
    nights.ledger.activate_model(OTHER.model_id)
    assert nights.ledger.active_model() == OTHER.model_id
    assert nights.ask("SELECT count(*) FROM models WHERE active") == [(1,)]


def test_before_the_first_model_none_is_active(tmp_path: Path) -> None:
    with Ledger.of(Workspace(tmp_path)) as ledger:
        assert ledger.active_model() is None
        ledger.register_model(OTHER)
        assert ledger.active_model() is None


def test_a_run_is_opened_and_closed_with_its_counts(nights: Nights) -> None:
    nights.ledger.open_run("one", "label", nights.model_id)
    assert nights.ask("SELECT state, ended_at FROM runs") == [("running", None)]
    nights.ledger.close_run("one", "completed", RunCounts(6, 1, 2, 1, 1, 1, 3))
    columns = "run_id, flow, state, found, labelled, unchanged, duplicate, quarantined, known_bad, decoded"
    assert nights.ask(f"SELECT {columns} FROM runs") == [("one", "label", "completed", 6, 1, 2, 1, 1, 1, 3)]
    assert nights.ask("SELECT ended_at >= started_at FROM runs") == [(True,)]


def test_a_run_that_never_ended_is_noted_as_interrupted_by_the_next(nights: Nights) -> None:
    nights.ledger.open_run("killed", "label")
    nights.ledger.open_run("next", "label")
    assert nights.ask("SELECT run_id, state, ended_at IS NULL FROM runs ORDER BY run_id") == [
        ("killed", "interrupted", False),
        ("next", "running", True),
    ]


def test_a_failed_transaction_leaves_nothing(nights: Nights) -> None:
    def fail() -> None:
        with nights.ledger.transaction() as connection:
            connection.execute("DELETE FROM ledger.model")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert nights.ask("SELECT count(*) FROM models") == [(1,)]


def test_quarantine_counts_attempts(nights: Nights) -> None:
    nights.ledger.quarantine("one", "fetch", [("/a.wav", Reason.SILENT, "peak"), ("/b.wav", Reason.VANISHED, "gone")])
    nights.ledger.quarantine("two", "fetch", [("/a.wav", Reason.EMPTY, "0 bytes")])
    nights.ledger.quarantine("three", "fetch", [])
    assert nights.ask("SELECT path, stage, reason, attempts, retryable, run_id FROM errors ORDER BY path") == [
        ("/a.wav", "fetch", "empty", 2, False, "two"),
        ("/b.wav", "fetch", "vanished", 1, True, "one"),
    ]


@pytest.mark.parametrize(("found", "reconciles"), [(6, True), (5, False), (7, False)])
def test_counts_reconcile_only_if_every_file_is_accounted_for(found: int, reconciles: bool) -> None:
    assert RunCounts(found, 1, 2, 1, 1, 1, decoded=99).reconciles is reconciles


def test_nothing_is_seen_before_it_is_published(nights: Nights) -> None:
    nights.run("one", {"path": "/a.wav"})
    assert ask(nights.workspace, "SELECT path FROM tracks").rows == []
    nights.ledger.publish()
    assert ask(nights.workspace, "SELECT path FROM tracks").rows == [("/a.wav",)]


def test_publishing_leaves_an_open_reader_undisturbed(nights: Nights) -> None:
    nights.run("one", {"path": "/a.wav"})
    nights.ledger.publish()
    with duckdb.connect(str(nights.workspace.catalogue), read_only=True) as reader:
        nights.run("two", {"path": "/a.wav"}, {"path": "/b.wav"})
        nights.ledger.publish()
        assert reader.execute("SELECT path FROM tracks").fetchall() == [("/a.wav",)]
    assert ask(nights.workspace, "SELECT count(*) FROM tracks").rows == [(2,)]


def test_the_ledger_goes_on_after_publishing(nights: Nights) -> None:
    nights.ledger.publish()
    nights.run("one", {"path": "/a.wav"})
    nights.ledger.publish()
    assert nights.ask("SELECT count(*) FROM tracks") == [(1,)]
    published = [path.name for path in nights.workspace.root.iterdir() if path.is_file()]
    assert published == ["catalogue.duckdb"]


def test_what_was_committed_is_there_when_the_ledger_is_opened_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Ledger.of(workspace) as ledger:
        Nights(workspace, ledger).run("one", {"path": "/a.wav"})
    with Ledger.of(workspace) as ledger:
        assert ledger.rows("SELECT path, status FROM tracks") == [("/a.wav", "labelled")]


def test_a_ledger_of_a_newer_schema_is_refused_by_name(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with Ledger.of(workspace) as ledger, ledger.transaction() as connection:
        connection.execute("INSERT INTO schema_migrations VALUES (?, 'later', now())", [SCHEMA_VERSION + 1])
    with pytest.raises(UserError, match=r"private.duckdb has schema version"):
        Ledger(workspace)
