"""Writes the reference in docs/sql.md from the comments in storage/sql: `make docs`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb

from storage.catalogue.ledger import Ledger
from storage.published.queries import open_catalogue
from storage.workspace import Workspace

PAGE: Final = Path(__file__).with_name("sql.md")
BEGIN: Final = "<!-- From here on `make docs` writes this page, from the comments in storage/sql. -->\n"

# What people ask for most comes first; a view that is not named here follows in the order of its name.
_ORDER: Final = ("tracks", "roles", "segments", "iram", "role_spans", "bar_roles", "bars", "sections", "energy")
_VIEWS: Final = "SELECT view_name, comment FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal"
_COLUMNS: Final = (
    "SELECT column_name, data_type, coalesce(comment, '') FROM duckdb_columns() "
    "WHERE schema_name = 'main' AND table_name = ? ORDER BY column_index"
)
_MACROS: Final = (
    "SELECT function_name, parameters, comment FROM duckdb_functions() "
    "WHERE schema_name = 'main' AND function_type IN ('macro', 'table_macro') AND NOT internal ORDER BY function_name"
)
_OLD: Final = "The old name of "


def reference() -> str:
    """A section for every public view and macro: what a row is, and a table of its columns."""
    with TemporaryDirectory() as folder, _published(Workspace(Path(folder))) as connection:
        return _reference(connection)


@contextmanager
def _published(empty: Workspace) -> Iterator[duckdb.DuckDBPyConnection]:
    """The catalogue that a workspace without files publishes."""
    with Ledger.of(empty) as ledger:
        ledger.publish()
    with open_catalogue(empty) as connection:
        yield connection


def _reference(connection: duckdb.DuckDBPyConnection) -> str:
    views = dict(connection.execute(_VIEWS).fetchall())
    names = sorted(views, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))
    sections = []
    for name in names:
        section = f"### {name}\n\n{views[name]}\n"
        if not views[name].startswith(_OLD):
            rows = connection.execute(_COLUMNS, [name]).fetchall()
            section += "\n| column | type | what it holds |\n| --- | --- | --- |\n"
            section += "".join(f"| `{column}` | {kind} | {said} |\n" for column, kind, said in rows)
        sections.append(section)
    for name, parameters, said in connection.execute(_MACROS).fetchall():
        sections.append(f"### {name}({', '.join(parameters)})\n\n{said}\n")
    return "\n".join(sections)


def with_reference(page: str) -> str:
    """The page with its reference written anew; what stands before it is kept."""
    return f"{page.partition(BEGIN)[0]}{BEGIN}\n{reference()}"


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
