"""The schedule of `rolecall serve`: one process beside the Prefect server, one label run at a time."""

from collections.abc import Sequence
from pathlib import Path

from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule
from prefect.types.entrypoint import EntrypointType

from flows.labelling.label import label_catalogue
from flows.labelling.run_options import RunOptions
from storage.errors import UserError


def require_schedule(cron: str) -> None:
    """Raise UserError unless `cron` is five fields that make a schedule."""
    try:
        CronSchedule(cron=cron)
    except ValueError as error:
        raise UserError(f"--cron {cron!r} is no schedule; write five fields, for example '0 3 * * *'") from error


def serve(paths: Sequence[str], workspace: Path, cron: str, options: RunOptions) -> None:
    """Wait for the schedule and label when it says so, until this process is stopped.

    A run that comes due while another is going is cancelled: it would find the same files. Stopping the process leaves
    the schedule active, so that the next start goes on with it.
    """
    label_catalogue.serve(
        name="nightly",
        cron=cron,
        parameters={"paths": list(paths), "workspace": str(workspace), **vars(options)},
        limit=1,
        global_limit=ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW),
        pause_on_shutdown=False,
        print_starting_message=False,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
