"""What Prefect is told of a label run: how it ended, and what went into quarantine."""

from dataclasses import asdict
from typing import Any

from httpx import HTTPError
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.exceptions import PrefectException

from flows.labelling.run_summary import RunSummary
from flows.terminal.streams import say


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
