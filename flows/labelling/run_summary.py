"""How a label run ended: its summary, and the errors of a run that did not do what was asked."""

from dataclasses import dataclass

from storage.catalogue.ledger import RunCounts
from tasks.audio.library import Omissions


@dataclass(frozen=True)
class RunSummary:
    """How a run ended and with which model, what it passed over, whether the model is active and lacks tracks still."""

    run_id: str
    model_id: str
    state: str
    counts: RunCounts
    omissions: Omissions
    active: bool
    unlabelled: int


class RunFailedError(Exception):
    """A run that did not do what was asked; what it labelled is kept, and the next run goes on from there."""


class TooManyErrorsError(RunFailedError):
    """More files went into quarantine than the threshold allows."""

    def __init__(self, summary: RunSummary) -> None:
        """Build the message from the summary of the run."""
        super().__init__(
            f"run {summary.run_id} gave up: {summary.counts.quarantined} files could not be used, more than "
            "--max-errors allows; rolecall errors says why, and what was labelled is kept"
        )


class UnaccountedFilesError(RunFailedError):
    """Files were found and neither labelled nor refused: the run does not reconcile and must not be trusted."""

    def __init__(self, summary: RunSummary) -> None:
        """Build the message from the summary of the run."""
        super().__init__(
            f"run {summary.run_id} does not reconcile: {summary.counts}; "
            "run the same command again, then rolecall verify"
        )
