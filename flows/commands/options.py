"""Options that many commands share."""

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal.streams import say
from storage.errors import UserError
from storage.loops.licences import NONCOMMERCIAL, LicenceClass
from storage.machine_limits import machine_limits
from storage.paths import path_text
from storage.workspace import Workspace, default_workspace
from tasks.metadata.tempo_text import BpmRange, parse_bpm_range


def default_workers() -> int:
    """As many workers as the machine, or the container, carries."""
    return machine_limits().workers


WorkspaceOption = Annotated[
    Path,
    typer.Option(
        "--workspace",
        envvar="ROLECALL_WORKSPACE",
        default_factory=default_workspace,
        show_default="the platform's user data directory",
        help="The folder of labels, data sets and models.",
    ),
]
WorkersOption = Annotated[int, typer.Option(min=1, default_factory=default_workers, help="Worker processes.")]
DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask",
        metavar="ADDRESS",
        envvar="ROLECALL_DASK",
        help="A running Dask scheduler, tcp://…, whose workers see the same files.",
    ),
]
ModelOption = Annotated[str | None, typer.Option("--model", help="A model's id or name; the active one if left out.")]
MaxErrorsOption = Annotated[
    int | None, typer.Option("--max-errors", min=0, help="Give up once more files than this could not be used.")
]
BpmRangeOption = Annotated[
    str | None,
    typer.Option(
        "--bpm-range",
        metavar="LOW-HIGH",
        envvar="ROLECALL_BPM_RANGE",
        help="Tempi that you write down, such as 90-180: a tempo that nobody states is given in the octave among them.",
    ),
]
TimeLimitOption = Annotated[
    float | None,
    typer.Option(
        "--time-limit",
        metavar="SECONDS",
        min=1,
        help="A file may take so long, and a second more for each megabyte; 120 if left out.",
    ),
]
PublishToOption = Annotated[
    str | None,
    typer.Option(
        "--publish-to",
        metavar="URL",
        envvar="ROLECALL_PUBLISH_TO",
        help="Push the catalogue there too: s3://BUCKET/…/catalogue.duckdb, or gs:// or az://.",
    ),
]
MemoryLimitOption = Annotated[
    str | None,
    typer.Option(
        "--memory-limit",
        metavar="SIZE",
        envvar="ROLECALL_MEMORY_LIMIT",
        help="Memory that the question may take, such as 4GB; half of what this process may have if left out.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

ExcludeNoncommercialOption = Annotated[
    bool,
    typer.Option("--exclude-noncommercial", help="Leave out licences that forbid commercial use: by-nc, sampling+."),
]
AllowLicenceOption = Annotated[
    list[LicenceClass] | None,
    typer.Option("--allow-licence", help="Take only loops of this class of licence; give it again for another."),
]


def licences_wanted(allowed: list[LicenceClass] | None, exclude_noncommercial: bool) -> tuple[str, ...]:
    """The classes of licence that a fetch takes."""
    left_out = NONCOMMERCIAL if exclude_noncommercial else ()
    return tuple(kind.value for kind in (allowed or LicenceClass) if kind not in left_out)


def bpm_range_of(text: str | None) -> BpmRange | None:
    """The range of tempi that an option names; raises UserError for what is none."""
    return parse_bpm_range(text) if text else None


def workspace_at(path: Path) -> Workspace:
    """The workspace that an option names; raises UserError for a name that no database can hold."""
    root = path.expanduser().absolute()
    if path_text(root) != str(root):
        raise UserError(f"the workspace {path_text(root)} has a name that is not UTF-8; give it another")
    return Workspace(root)


def catalogue_at(path: Path) -> Workspace:
    """The workspace whose catalogue is asked; says where there is none, since an empty answer looks like a true one."""
    workspace = workspace_at(path)
    if not workspace.catalogue.exists():
        say(f"nothing was published in {path_text(workspace.root)} yet; label first, or name another --workspace")
    return workspace


def nobody_else_is_asked(dask: str | None) -> bool:
    """Whether the user named neither a Dask cluster that should do the work nor a Prefect server that should see it."""
    from flows.orchestration.prefect_settings import named_server

    return dask is None and named_server() is None


def ready_for_flows(workspace: Workspace) -> None:
    """Make ready to run a flow: refuse at once if somebody else is writing, then connect Prefect quietly."""
    from flows.orchestration.connection import connect_prefect

    workspace.require_free()
    connect_prefect(workspace.prefect)
