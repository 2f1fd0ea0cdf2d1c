"""One-line messages for errors outside rolecall: a full disk, a Prefect server that does not answer."""

import errno
from collections.abc import Iterator
from typing import Final

_RESUMES: Final = "what was labelled is kept, and the same command goes on from there"


def explain(error: BaseException) -> str | None:
    """One line for an error that is the machine's and not ours; None for any other."""
    for cause in _chain(error):
        if getattr(cause, "errno", None) == errno.ENOSPC or "No space left on device" in str(cause):
            return f"the disk is full: {cause}; make room, {_RESUMES}"
        if type(cause).__module__.partition(".")[0] in {"httpx", "httpcore"}:
            return f"the Prefect server does not answer ({type(cause).__name__}: {cause}); start it again, {_RESUMES}"
        if "connect to ephemeral Prefect API server" in str(cause):
            return f"Prefect's own server did not start in time: {cause} Try again, or start one: prefect server start"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
