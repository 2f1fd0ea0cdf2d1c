"""Trying rolecall out, and checking what this machine has."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import JsonOption, WorkersOption, WorkspaceOption, default_workspace, workspace_at
from flows.tables import Format, print_json, print_rows

app = typer.Typer()


@app.command()
def demo(
    workers: WorkersOption,
    workspace: Annotated[
        Path,
        typer.Option(
            "--workspace",
            envvar="ROLECALL_WORKSPACE",
            default_factory=lambda: default_workspace() / "demo",
            show_default="demo, in the platform's user data directory",
            help="Where the demo keeps its labels.",
        ),
    ],
) -> None:
    """The whole road on bundled real music: label it, ask three questions, draw the maps."""
    from flows.demo import run_demo

    run_demo(workspace_at(workspace), workers)


@app.command()
def doctor(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """Check this machine and this workspace: decoders, versions, weights, disk, graphics card."""
    from tasks.doctor import examine

    findings = examine(workspace_at(workspace))
    if as_json:
        print_json([{"check": name, "ok": ok, "found": found} for name, ok, found in findings])
    else:
        print_rows(
            ["check", "ok", "found"],
            [[name, "yes" if ok else "NO", found] for name, ok, found in findings],
            Format.TABLE,
        )
    if not all(ok for _, ok, _ in findings):
        raise typer.Exit(1)
