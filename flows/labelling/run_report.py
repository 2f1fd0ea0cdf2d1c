"""What Prefect is told of a label run: how far it has come, how it ended, and what went into quarantine."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from httpx import HTTPError
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.exceptions import PrefectException

from flows.labelling.run_summary import RunSummary
from flows.terminal.progress import Progress, say

_UPDATE_EVERY_S: Final = 10.0


class _Published:
    """A progress artifact; a server that does not answer never stops the work."""

    def __init__(self, artifact: UUID | None, total: int) -> None:
        self._artifact, self._total, self._done, self._told = artifact, total, 0, time.monotonic()

    def advance(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._artifact is None or (now - self._told < _UPDATE_EVERY_S and self._done < self._total):
            return
        self._told = now
        try:
            update_progress_artifact(self._artifact, min(100.0, 100.0 * self._done / self._total))
        except (HTTPError, PrefectException) as error:
            self._artifact = None
            say(f"Prefect no longer shows the progress: {type(error).__name__}; the work goes on")


@contextmanager
def progress_artifact(key: str, total: int) -> Iterator[Progress]:
    """A Prefect progress artifact that is brought up to date every few seconds."""
    try:
        artifact = UUID(str(create_progress_artifact(0.0, key=key, description=f"{total} files")))
    except (HTTPError, PrefectException):
        artifact = None
    yield _Published(artifact, total)


def report_artifacts(summary: RunSummary, errors: list[dict[str, Any]]) -> None:
    """Leave the summary of a run with Prefect: Markdown for people, and a table of what went into quarantine."""
    try:
        create_markdown_artifact(_markdown(summary), key="label-run", description=f"run {summary.run_id}")
        create_table_artifact(errors, key="label-errors", description=f"quarantined by run {summary.run_id}")
    except (HTTPError, PrefectException) as error:
        say(f'Prefect was not told how the run ended: {type(error).__name__}; rolecall sql "FROM runs" knows')


def _markdown(summary: RunSummary) -> str:
    lines = [f"| {name.replace('_', ' ')} | {count} |" for name, count in asdict(summary.counts).items()]
    head = [f"**{summary.state}**, model `{summary.model_id}`", "", "| files | |", "| --- | ---: |"]
    return "\n".join([*head, *lines, "", *(f"- {sentence}" for sentence in summary.omissions.sentences())])
