"""How much memory a database may take, and where it puts what does not fit into that."""

import os
import re
from typing import Final

import duckdb

from storage.errors import UserError
from storage.machine_limits import machine_limits
from storage.workspace import Workspace

_SIZE: Final = re.compile(r"\d+(\.\d+)? ?([KMGT]i?B)", re.IGNORECASE)


def limit_memory(connection: duckdb.DuckDBPyConnection, workspace: Workspace, memory_limit: str | None = None) -> None:
    """Let a database use so much memory (such as `4GB`), by default half of what the machine or the cgroup allows.

    What does not fit goes to the workspace's temporary folder, if this user may write there. Raises UserError if the
    limit is not a size.
    """
    if memory_limit is not None and not _SIZE.fullmatch(memory_limit):
        raise UserError(f"{memory_limit} is not a size of memory; write it like 800MB or 4GB")
    half = machine_limits().database_memory
    limit = memory_limit or (f"{half // 1_000_000}MB" if half else None)
    if limit is not None:
        connection.execute(f"SET memory_limit = '{limit}'")
    folder = str(workspace.temporary)
    ((present,),) = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    # A database that is open twice in a process has one setting, which cannot be changed once the folder is in use.
    if present != folder and os.access(workspace.root, os.W_OK):
        quoted = folder.replace("'", "''")
        connection.execute(f"SET temp_directory = '{quoted}'")
