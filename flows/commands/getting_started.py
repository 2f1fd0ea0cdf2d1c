"""Commands `demo`, `bench` and `doctor`: trying rolecall out, and checking this machine."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.exit_codes import ExitCode
from flows.commands.options import JsonOption, WorkersOption, WorkspaceOption, workspace_at
from flows.terminal.tables import Format, print_json, print_rows
from storage.workspace import default_workspace

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
            help="The workspace of the demo.",
        ),
    ],
) -> None:
    """Label bundled real music, answer three questions about it, draw the maps."""
    from flows.commands.demo import run_demo

    run_demo(workspace_at(workspace), workers)


@app.command()
def bench(
    workspace: WorkspaceOption,
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files to measure with; bundled music if left out.")
    ] = None,
    price: Annotated[float, typer.Option(min=0, help="What an hour of one core costs.")] = 0.04,
    as_json: JsonOption = False,
) -> None:
    """What labelling costs here: each stage beside decoding, a whole run, memory, and the bill for a million files."""
    from flows.labelling.bench import run_bench

    figures = run_bench([path.absolute() for path in paths or []], workspace_at(workspace), price).to_dict()
    if as_json:
        print_json(figures)
        return
    print(f"{figures['machine']}\n{figures['files']} files, {figures['audio_s']:.0f} s of audio, one worker")
    rows = [[name, f"{times:.2f}"] for name, times in figures["stages_times_decoding"].items()]
    print_rows(["stage", "x decoding"], rows, Format.TABLE)
    print(
        f"decoding: {figures['decode_cpu_s_per_file']:.3f} s a file\n"
        f"label, marginal: {figures['label_cpu_s_per_file']:.3f} s a file, "
        f"{figures['label_times_decoding']:.2f} x decoding; start-up {figures['start_up_cpu_s']:.1f} s\n"
        f"of it Prefect, Dask and commits: {100 * figures['prefect_dask_commit_share']:.1f} %\n"
        f"{figures['files_per_core_s']:.2f} files/s, {figures['audio_s_per_core_s']:.0f} audio-seconds/s a core\n"
        f"memory: worker {figures['worker_megabytes']:.0f} MB, flow {figures['flow_megabytes']:.0f} MB\n"
        f"1,000,000 such files: {figures['million_files_core_hours']:.0f} core-hours, "
        f"{figures['million_files_price']:.2f} at {price:g} an hour"
    )


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
        raise typer.Exit(ExitCode.FAILED)
