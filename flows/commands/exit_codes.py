"""The exit codes of all commands, as the table in docs/labelling.md lists them."""

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    FAILED = 1
    """Something unexpected, or a check found something, or the errors were too many."""
    USAGE = 2
    """The command cannot be understood, or its input is wrong."""
    SOME_LEFT_OUT = 3
    """Done, but for some files that could not be used."""
    LOCKED = 5
    """Somebody else is writing the workspace."""
    INTERRUPTED = 130
    """Interrupted, after finishing what was in flight."""
