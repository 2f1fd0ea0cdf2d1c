"""The standard streams: what a terminal cannot show is escaped, and a reader that goes away ends nothing badly."""

import io
import os
import sys
from typing import Any, Final

_UTF: Final = "utf"


def prepare_streams() -> None:
    r"""Let every character be printed: one that an encoding lacks becomes `\u0395`. A closed stream swallows all."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            _point_nowhere(descriptor)
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def shows_unicode() -> bool:
    """Whether stdout holds every character."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith(_UTF)


def give_up(stream: Any) -> None:
    """Let what is still to be printed on a broken stream go nowhere, so that nobody stumbles over it again."""
    try:
        _point_nowhere(stream.fileno())
    except (OSError, ValueError):
        return


def say(sentence: str) -> None:
    """One line on stderr; work goes on where nobody reads it any more."""
    try:
        print(sentence, file=sys.stderr, flush=True)
    except OSError:
        give_up(sys.stderr)


def _point_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != descriptor:
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
