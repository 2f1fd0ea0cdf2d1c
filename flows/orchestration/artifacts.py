"""Progress as a Prefect artifact."""

import time
from typing import Final
from uuid import UUID

from httpx import HTTPError
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.exceptions import PrefectException

from flows.terminal.streams import say

_UPDATE_EVERY_S: Final = 10.0


class ProgressArtifact:
    """How much of a flow's work is done, on Prefect's pages; a server that does not answer never stops the work."""

    def __init__(self, key: str, total: int, description: str) -> None:
        """Begin at nothing of `total`; only inside a flow or a task."""
        self._total, self._done, self._told = total, 0, time.monotonic()
        self._artifact: UUID | None = None
        try:
            # Prefect types what it returns as what it might return in an event loop as well.
            self._artifact = UUID(str(create_progress_artifact(0.0, key=key, description=description)))
        except (HTTPError, PrefectException) as error:
            self._give_up(error)

    def advance(self, count: int) -> None:
        """So many more are done; the server hears of it every few seconds, and at the end."""
        self._done += count
        now = time.monotonic()
        if self._artifact is None or (now - self._told < _UPDATE_EVERY_S and self._done < self._total):
            return
        self._told = now
        try:
            update_progress_artifact(self._artifact, min(100.0, 100.0 * self._done / self._total))
        except (HTTPError, PrefectException) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._artifact = None
        say(f"Prefect does not show the progress: {type(error).__name__}; the work goes on")
