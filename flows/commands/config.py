"""Command `config show`: which settings hold, and who says so."""

import os
from typing import Annotated, Any, Final

import typer

from flows.commands.options import (
    BpmRangeOption,
    DaskOption,
    JsonOption,
    MaxErrorsOption,
    MemoryLimitOption,
    PublishToOption,
    TimeLimitOption,
    WorkersOption,
    WorkspaceOption,
)
from flows.terminal.tables import Format, print_json, print_rows
from storage.accounts.settings_file import SETTINGS, settings_path
from storage.paths import path_text

config = typer.Typer(help="Settings: file, then environment, then flags; the later wins.", no_args_is_help=True)

_SAID_BY: Final = {"COMMANDLINE": "flag", "ENVIRONMENT": "environment", "DEFAULT_MAP": "file"}
_VARIABLES: Final = ("ROLECALL_FREESOUND_URL", "ROLECALL_ZENODO_URL", "PREFECT_API_URL")
_SECRETS: Final = ("FREESOUND_API_KEY",)


@config.command("show")
def config_show(
    context: typer.Context,
    workspace: WorkspaceOption,
    workers: WorkersOption,
    dask: DaskOption = None,
    max_errors: MaxErrorsOption = None,
    time_limit: TimeLimitOption = None,
    bpm_range: BpmRangeOption = None,
    publish_to: PublishToOption = None,
    memory_limit: MemoryLimitOption = None,
    sources: Annotated[bool, typer.Option("--sources", help="Say of each who says so.")] = False,
    as_json: JsonOption = False,
) -> None:
    """The settings that hold for a command with these flags, and where each comes from."""
    file = settings_path()
    values: dict[str, Any] = {
        **{"workspace": workspace, "workers": workers, "dask": dask, "max_errors": max_errors},
        **{"time_limit": time_limit, "bpm_range": bpm_range, "publish_to": publish_to, "memory_limit": memory_limit},
    }
    rows = [[name, _text(values[name]), _said_by(context, name, file)] for name in SETTINGS]
    rows += [[name, os.environ[name], "environment"] for name in _VARIABLES if name in os.environ]
    rows += [[name, "(set, not shown)", "environment"] for name in _SECRETS if name in os.environ]
    columns = ["setting", "value", "source"] if sources else ["setting", "value"]
    rows = [row[: len(columns)] for row in rows]
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_rows(columns, rows, Format.TABLE)


def _said_by(context: typer.Context, name: str, file: Any) -> str:
    source = context.get_parameter_source(name)
    said = _SAID_BY.get(source.name if source else "", "default")
    return f"file {file}" if said == "file" else said


def _text(value: Any) -> str:
    return "" if value is None else path_text(value) if hasattr(value, "parts") else str(value)
