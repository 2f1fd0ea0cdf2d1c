"""Commands `sql` and `errors`: asking the published catalogue."""

from typing import Annotated

import typer

from flows.commands.options import JsonOption, MemoryLimitOption, WorkspaceOption, catalogue_at, workspace_at
from flows.terminal.tables import Format, print_json, print_rows

app = typer.Typer()


@app.command()
def sql(
    workspace: WorkspaceOption,
    query: Annotated[str, typer.Argument(help="One SELECT over tracks, roles, segments, iram, sections, …")],
    style: Annotated[Format, typer.Option("--format", help="How the answer is printed.")] = Format.TABLE,
    memory_limit: MemoryLimitOption = None,
    catalogue: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask the catalogue that was pushed there (s3://, https://), in place by DuckDB's httpfs; or a file.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the published catalogue; never blocked by a run, never sees half of one."""
    if catalogue is None:
        from storage.published.queries import ask

        answer = ask(catalogue_at(workspace), query, memory_limit)
    else:
        from storage.published.elsewhere import ask_elsewhere

        answer = ask_elsewhere(catalogue, workspace_at(workspace), query, memory_limit)
    print_rows(answer.columns, answer.rows, Format.JSON if as_json else style)


@app.command()
def errors(workspace: WorkspaceOption, as_json: JsonOption = False) -> None:
    """The files in quarantine: which stage gave them up, why, and how often."""
    from storage.published.queries import ask

    answer = ask(catalogue_at(workspace), "FROM errors ORDER BY path")
    if as_json:
        print_json(answer.to_dicts())
    else:
        print_rows(answer.columns, answer.rows, Format.TABLE)
