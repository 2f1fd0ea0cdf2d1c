"""One-line messages for errors outside rolecall: a full disk, a Prefect server that does not answer."""

import errno
from collections.abc import Iterator
from typing import Final

_RESUMES: Final = "what was labelled is kept, and the same command goes on from there"


class ServerFailedError(Exception):
    """The private Prefect server ended or did not start; the message says what it wrote."""


def explain(error: BaseException, server_told: str) -> str | None:
    """One line for an error that is the machine's and not ours; None for any other.

    `server_told` is what a private Prefect server wrote, as the end of a sentence; empty where there is none.
    """
    for cause in _chain(error):
        if isinstance(cause, ServerFailedError):
            return str(cause)
        if getattr(cause, "errno", None) == errno.ENOSPC or "No space left on device" in str(cause):
            return f"the disk is full: {cause}; make room, {_RESUMES}"
        if type(cause).__module__.partition(".")[0] in {"httpx", "httpcore"}:
            gone = f"the Prefect server does not answer ({type(cause).__name__}: {cause})"
            return f"{gone}; {_RESUMES}{server_told}" if server_told else f"{gone}; start it again, {_RESUMES}"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
