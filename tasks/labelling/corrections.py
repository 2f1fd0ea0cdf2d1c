"""Parsing corrections by people, from words on the command line and from a CSV."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from storage.catalogue.corrections import Correction
from storage.errors import UserError
from storage.paths import path_text
from storage.vocabulary import ROLES
from tasks.metadata.manifests import Row, read_listing

_ANSWERS: Final = {"yes": True, "no": False}


def roles_said(words: Iterable[str]) -> dict[str, bool]:
    """`bass=yes`, `vocal=no` as a mapping; raises UserError for another role or another word."""
    said: dict[str, bool] = {}
    for word in words:
        role, _, answer = word.partition("=")
        if role not in ROLES or answer not in _ANSWERS:
            raise UserError(f"--role {word}: write one of {', '.join(ROLES)}, then =yes or =no")
        said[role] = _ANSWERS[answer]
    return said


def read_corrections(table: Path) -> Iterator[tuple[Row, Correction]]:
    """The rows of a CSV: path[,bpm][,first_downbeat_s] and a column per role: yes, no, or empty.

    Raises UserError naming the line that is wrong.
    """
    for row in read_listing(table, path_text(table.parent)):
        roles = {}
        for role in ROLES:
            answer = row.cells.get(role)
            if answer is None:
                continue
            if answer.lower() not in _ANSWERS:
                raise UserError(f"{row.where}: {role} is {answer!r}; write yes or no, or leave the cell empty")
            roles[role] = _ANSWERS[answer.lower()]
        yield row, Correction(roles, row.bpm(), row.first_downbeat_s())
