"""The schedule of `rolecall serve`: one process beside the Prefect server, one label run at a time."""

import os
from collections.abc import Sequence
from pathlib import Path

import httpx
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.types.entrypoint import EntrypointType

from flows.labelling.label import label_catalogue
from storage.errors import UserError


def require_schedule(cron: str) -> None:
    """Raise UserError unless `cron` is five fields that make a schedule."""
    try:
        CronSchedule(cron=cron)
    except ValueError as error:
        raise UserError(f"--cron {cron!r} is no schedule; write five fields, for example '0 3 * * *'") from error


def require_server() -> None:
    """Raise UserError unless a Prefect server answers; a schedule must outlive the process that made it."""
    address = os.environ["PREFECT_API_URL"]
    try:
        httpx.get(f"{address}/health", timeout=10).raise_for_status()
    except httpx.HTTPError as error:
        raise UserError(
            f"no Prefect server answers at {address}: {error}; start one with 'prefect server start', "
            "or name another in PREFECT_API_URL"
        ) from error


def serve(paths: Sequence[str], workspace: Path, cron: str, workers: int, model: str | None, dask: str | None) -> None:
    """Wait for the schedule and label when it says so, until this process is stopped.

    A run that comes due while another is going is cancelled: it would find the same files. Stopping the process leaves
    the schedule active, so that the next start goes on with it.
    """
    require_server()
    label_catalogue.serve(
        name="nightly",
        cron=cron,
        parameters={
            "paths": list(paths),
            "workspace": str(workspace),
            "model": model,
            "workers": workers,
            "dask": dask,
        },
        limit=1,
        global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        pause_on_shutdown=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
