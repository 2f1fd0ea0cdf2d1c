"""Asking a catalogue elsewhere: a URL of what was pushed, read in place by DuckDB's extension httpfs, or a file.

The extension reads the pages of the file that a question needs, and no more.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import duckdb

from storage.catalogue.database_limits import limit_memory
from storage.catalogue.schema import SCHEMA_VERSION, refuse_newer, schema_version
from storage.errors import UserError
from storage.published.pushed import version_at
from storage.published.queries import Answer, answer_of
from storage.urls import is_url, place_text
from storage.workspace import Workspace

_READ: Final = ("s3", "http", "https")
_ENDPOINTS: Final = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def ask_elsewhere(place: str, workspace: Workspace, sql: str, memory_limit: str | None = None) -> Answer:
    """Answer one SQL query over the catalogue at a path or URL, in the version that a pointer beside it names.

    Raises UserError if it cannot be opened, with what to do, or as `storage.published.queries.ask` does. What does not
    fit into the memory goes to the workspace's temporary folder.
    """
    with _opened(place_text(place)) as connection:
        limit_memory(connection, workspace, memory_limit)
        return answer_of(connection, sql)


@contextmanager
def _opened(place: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        version = place
        if is_url(place):
            if not place.startswith(tuple(f"{scheme}://" for scheme in _READ)):
                raise UserError(f"{place} is not read in place, only {', '.join(_READ)} are; copy it and name the file")
            _load_httpfs(connection, place)
            version = version_at(place)
            if place.startswith("s3://"):
                _give_keys(connection)
        try:
            connection.execute(f"ATTACH {_quoted(version)} AS catalogue (READ_ONLY)")
            connection.execute("USE catalogue")
            known = schema_version(connection)
        except duckdb.Error as error:
            # Of a request that was refused DuckDB shows the address, which holds no key, and more lines than one.
            why = str(error).partition("\n")[0]
            raise UserError(f"{version} cannot be opened as a catalogue: {why}") from None
        refuse_newer(known, version)
        if known < SCHEMA_VERSION:
            raise UserError(f"{version} was published by an older rolecall; let this one publish it again")
        yield connection


def _load_httpfs(connection: duckdb.DuckDBPyConnection, place: str) -> None:
    try:
        connection.execute("LOAD httpfs")
    except duckdb.Error:
        raise UserError(
            f"{place} is read in place by DuckDB's extension httpfs, which is not installed here: where there is a "
            "network, python -c \"import duckdb; duckdb.sql('INSTALL httpfs')\" brings it; "
            "else copy the catalogue and name the file"
        ) from None


def _give_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """Let DuckDB have the keys, region and address that the library of the bucket finds, for as long as it is open."""
    from botocore.session import get_session

    session, told = get_session(), {}
    if (found := session.get_credentials()) is not None:
        keys = found.get_frozen_credentials()
        told = {"KEY_ID": keys.access_key, "SECRET": keys.secret_key, "SESSION_TOKEN": keys.token}
    told["REGION"] = session.get_config_variable("region")
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)
    settings = [f"{name} {_quoted(value)}" for name, value in told.items() if value]
    if endpoint is not None:
        address = urlsplit(endpoint)
        settings += [f"ENDPOINT {_quoted(address.netloc)}", "URL_STYLE 'path'"]
        settings.append(f"USE_SSL {str(address.scheme == 'https').lower()}")
    try:
        connection.execute(f"CREATE SECRET (TYPE s3{''.join(f', {setting}' for setting in settings)})")
    except duckdb.Error:
        # Its own message would show what it was told.
        raise UserError("DuckDB does not take the keys of this environment; look at its version of httpfs") from None


def _quoted(text: str) -> str:
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
