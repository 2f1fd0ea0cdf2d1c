"""Command `browse`: the page over the published catalogue, served on this machine."""

from typing import Annotated

import typer

from flows.commands.options import WorkspaceOption, workspace_at

app = typer.Typer()


@app.command()
def browse(
    workspace: WorkspaceOption,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it is served; 0 is a port that is free.")] = 0,
    opened: Annotated[bool, typer.Option("--open/--no-open", help="Whether a browser opens it.")] = True,
) -> None:
    """A page to find, see, hear and correct what was labelled; prints its address and serves it until Ctrl-C."""
    from flows.browsing.server import serve_page

    serve_page(workspace_at(workspace), port, lambda address: print(address, flush=True), opened)
