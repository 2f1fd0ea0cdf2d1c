"""The command line: one command per job. Heavy libraries load inside the command that needs them."""

import atexit
import sys
from contextlib import suppress

import typer

from flows.commands import (
    browse,
    catalogue,
    datasets,
    exports,
    fetching,
    getting_started,
    maintenance,
    models,
    reports,
)
from flows.engine.interrupts import StoppedError
from flows.terminal.error_messages import explain
from flows.terminal.streams import give_up, prepare_streams, say
from storage.errors import UserError, WorkspaceLockedError

app = typer.Typer(
    name="rolecall",
    help="Calls the role of every loop, and of every four bars of every track, in a catalogue of any size.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for group in (getting_started.app, catalogue.app, reports.app, browse.app, exports.app, maintenance.app, models.app):
    app.add_typer(group)
for name, commands in (
    ("fetch", fetching.fetch),
    ("loops", fetching.loops),
    ("dataset", datasets.dataset),
    ("models", models.models),
):
    app.add_typer(commands, name=name)

_UNEXPECTED, _USAGE, _LOCKED, _INTERRUPTED = 1, 2, 5, 130


def main() -> None:
    """Run a command; errors that a user can put right are one line on stderr and an exit code, never a traceback."""
    prepare_streams()
    atexit.register(silence_teardown)
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except UserError as error:
        say(f"rolecall: {error}")
        sys.exit(_USAGE)
    except StoppedError as stopped:
        say(f"rolecall: {stopped}")
        sys.exit(_INTERRUPTED)
    except WorkspaceLockedError as error:
        say(f"rolecall: {error}")
        sys.exit(_LOCKED)
    except BrokenPipeError:
        # Who reads has enough.
        give_up(sys.stdout)
        sys.exit(_UNEXPECTED)
    except Exception as error:
        from flows.orchestration.connection import private_server_told

        sentence = explain(error, private_server_told())
        if sentence is None:
            raise
        give_up(sys.stdout)
        say(f"rolecall: {sentence}")
        sys.exit(_UNEXPECTED)


def silence_teardown() -> None:
    """Close stderr, as the last exit handler to run: after it the interpreter only frees memory.

    Where Prefect's threads are still about, DuckDB's binding takes what they hold for leaks and prints a page on it.
    """
    with suppress(OSError):
        sys.stderr.flush()
    give_up(sys.stderr)


if __name__ == "__main__":
    main()
