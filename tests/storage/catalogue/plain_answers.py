"""A published catalogue beside the plain definitions of its views over the ledger's tables (`plain_views.sql`)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from storage.catalogue.ledger import Ledger
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.benchmarks.catalogue.catalogue_questions import PLAIN, QUESTIONS

VIEWS: Final = (
    *("tracks", "roles", "segments", "iram", "bars", "role_spans", "sections"),
    *("bar_roles", "energy", "mix_in", "mix_out", "first_core"),
)


def define_plainly(ledger: Ledger) -> None:
    """Give a ledger the plain definitions, in its schema `plain`."""
    ledger.connection.execute(Path(__file__).with_name("plain_views.sql").read_text(encoding="utf-8"))


def differing_views(workspace: Workspace, ledger: Ledger) -> list[str]:
    """The views whose published rows are not those of their plain definition."""
    wrong = []
    for view in VIEWS:
        # The public view may have more columns than its plain definition.
        names = ", ".join(f'"{name}"' for name, *_ in ledger.rows(f"DESCRIBE plain.{view}"))
        if ledger.rows(_digest(f"plain.{view}", names)) != ask(workspace, _digest(view, names)).rows:
            wrong.append(view)
    return wrong


def published_and_plain(
    workspace: Workspace, ledger: Ledger, question: str, one: Mapping[str, object]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What the published catalogue answers to a question of the benchmark, and what the plain definitions do.

    `one` has the values of its placeholders.
    """
    plain = PLAIN.get(question, QUESTIONS[question]).format(**one)
    ledger.connection.execute("SET search_path = 'plain,main'")
    try:
        expected = ledger.rows(plain)
    finally:
        ledger.connection.execute("RESET search_path")
    return ask(workspace, QUESTIONS[question].format(**one)).rows, expected


def _digest(view: str, columns: str) -> str:
    return f"SELECT count(*), bit_xor(hash({columns})), sum(hash({columns}) % 1000003) FROM {view}"
