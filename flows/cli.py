"""The command line: one command per job. Heavy libraries load inside the command that needs them."""

import atexit
import sys
from contextlib import suppress
from typing import Any, Final

import typer

from flows.commands import (
    browse,
    config,
    datasets,
    exports,
    fetching,
    getting_started,
    labelling,
    maintenance,
    models,
    questions,
    reports,
)
from flows.commands.examples import with_examples
from flows.commands.exit_codes import ExitCode
from flows.engine.interrupts import StoppedError
from flows.terminal.error_messages import explain
from flows.terminal.streams import give_up, prepare_streams, say
from storage.accounts.settings_file import Settings, read_settings, settings_path
from storage.errors import UserError, WorkspaceLockedError

app = typer.Typer(
    name="rolecall",
    help="Calls the role of every loop, and of every four bars of every track, in a catalogue of any size.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for group in (
    *(getting_started.app, labelling.app, questions.app, reports.app, browse.app, exports.app),
    *(maintenance.app, models.app),
):
    app.add_typer(group)
for name, commands in (
    ("fetch", fetching.fetch),
    ("loops", fetching.loops),
    ("dataset", datasets.dataset),
    ("models", models.models),
    ("config", config.config),
):
    app.add_typer(commands, name=name)

_UsageError: Final[Any] = typer.BadParameter.__base__
"""What the parser raises for words that it does not understand."""


def main() -> None:
    """Run a command; errors that a user can put right are one line on stderr and an exit code, never a traceback."""
    prepare_streams()
    atexit.register(silence_teardown)
    try:
        try:
            ended = parse_and_run()
        finally:
            sys.stdout.flush()
        sys.exit(ended)
    except _UsageError as error:
        show_usage(error)
        sys.exit(ExitCode.USAGE)
    except typer.Abort:
        sys.exit(ExitCode.FAILED)
    except UserError as error:
        say(f"rolecall: {error}")
        sys.exit(ExitCode.USAGE)
    except StoppedError as stopped:
        say(f"rolecall: {stopped}")
        sys.exit(ExitCode.INTERRUPTED)
    except WorkspaceLockedError as error:
        say(f"rolecall: {error}")
        sys.exit(ExitCode.LOCKED)
    except BrokenPipeError:
        # Who reads has enough.
        give_up(sys.stdout)
        sys.exit(ExitCode.FAILED)
    except Exception as error:
        from flows.orchestration.connection import private_server_told

        sentence = explain(error, private_server_told())
        if sentence is None:
            raise
        give_up(sys.stdout)
        say(f"rolecall: {sentence}")
        sys.exit(ExitCode.FAILED)


def parse_and_run() -> int:
    """Run the command that was typed; what stands in the settings file takes the place of flags that were not given."""
    settings = read_settings(settings_path())
    command = with_examples(typer.main.get_command(app))
    ended: int | None = command(prog_name="rolecall", standalone_mode=False, default_map=_for_each(command, settings))
    return ended or 0


def show_usage(error: Any) -> None:
    """What is wrong with the words that were typed, in one line; the help, where there were none."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    where = error.ctx.command_path if error.ctx else "rolecall"
    reason = " ".join(error.format_message().replace("Value error, ", "").split()).rstrip(".")
    say(f"rolecall: {reason[0].lower()}{reason[1:]}; {where} --help says what it takes")


def _for_each(command: Any, settings: Settings) -> dict[str, Any]:
    """The settings for a command by the names of its parameters, and for the commands below it."""
    below = {name: _for_each(one, settings) for name, one in getattr(command, "commands", {}).items()}
    taken = {parameter.name for parameter in command.params}
    return {**below, **{name: value for name, value in settings.items() if name in taken}}


def silence_teardown() -> None:
    """Close stderr, as the last exit handler to run: after it the interpreter only frees memory.

    Where Prefect's threads are still about, DuckDB's binding takes what they hold for leaks and prints a page on it.
    """
    with suppress(OSError):
        sys.stderr.flush()
    give_up(sys.stderr)


if __name__ == "__main__":
    main()
