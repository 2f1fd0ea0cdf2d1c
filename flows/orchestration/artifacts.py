"""Progress as a Prefect artifact."""

from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact


class ProgressArtifact:
    """The progress of a fetch on Prefect's pages; only inside a flow or a task."""

    def __init__(self, total: int, description: str) -> None:
        """Begin at nothing of `total`."""
        self._total, self._done = total, 0
        # Prefect types what it returns as what it might return in an event loop as well.
        self._artifact = UUID(str(create_progress_artifact(0.0, key="fetched", description=description)))

    def advance(self, count: int) -> None:
        """So many more are done."""
        self._done += count
        update_progress_artifact(self._artifact, 100.0 * min(1.0, self._done / self._total))
