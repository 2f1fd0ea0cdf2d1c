"""Committing what a fetch brought: loops into the table, refusals into the ledger, and the sum of it all."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from flows.interrupts import stop_requested
from storage.ledger import Ledger, RunCounts
from storage.loops import Loop, read_loops, write_loops
from storage.vocabulary import Reason
from storage.workspace import Workspace
from tasks.merging import merge_loops

Refusal = tuple[str, Reason, str]


@dataclass(frozen=True)
class FetchSummary:
    """What a fetch brought: files found, loops now in the table that came from it, duplicates, refusals.

    `passed_over` counts loops of licences that were not asked for; they are not among those found.
    """

    found: int
    loops: int
    duplicate: int
    quarantined: int
    passed_over: int = 0


@dataclass
class Keeping:
    """A fetch in progress: what was brought is committed batch by batch, so that a kill loses one batch at most."""

    workspace: Workspace
    ledger: Ledger
    licences: Collection[str]
    run_id: str
    kept: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    duplicates: int = 0
    passed_over: int = 0

    def commit(self, loops: Sequence[Loop], refused: Sequence[Refusal], cleared: Sequence[str] = ()) -> None:
        """Put loops into the table, each content once, and refusals into the ledger; `cleared` leave quarantine."""
        allowed = [loop for loop in loops if loop.licence_class in self.licences]
        merged = merge_loops(read_loops(self.workspace.loops), allowed)
        write_loops(self.workspace.loops, merged.table)
        self.ledger.release("fetch", cleared)
        self.ledger.quarantine(self.run_id, "fetch", refused)
        self.kept |= {loop.loop_id for loop in merged.kept}
        self.refused |= {path for path, _, _ in refused}
        self.duplicates += merged.duplicates
        self.passed_over += len(loops) - len(allowed)

    def without_known(self, wanted: Sequence[Loop]) -> list[Loop]:
        """Those of `wanted` whose file is not yet in the table from the same source; the others count as kept."""
        table = {loop.path: loop for loop in read_loops(self.workspace.loops)}
        known = [table[loop.path] for loop in wanted if loop.path in table and Path(loop.path).exists()]
        self.kept |= {loop.loop_id for loop in known}
        there = {loop.path for loop in known}
        return [loop for loop in wanted if loop.path not in there]

    @property
    def summary(self) -> FetchSummary:
        """What was brought so far."""
        found = len(self.kept) + self.duplicates + len(self.refused)
        return FetchSummary(found, len(self.kept), self.duplicates, len(self.refused), self.passed_over)


@contextmanager
def keeping(workspace: Workspace, ledger: Ledger, flow: str, licences: Collection[str]) -> Iterator[Keeping]:
    """Open a run for the length of a `with` block; however it ends, what was committed is counted and published."""
    brought = Keeping(workspace, ledger, licences, uuid4().hex[:12])
    ledger.open_run(brought.run_id, flow)
    state = "failed"
    try:
        yield brought
        state = "interrupted" if stop_requested.is_set() else "completed"
    finally:
        made = brought.summary
        counts = RunCounts(made.found, made.loops, 0, made.duplicate, made.quarantined, 0, made.found)
        ledger.close_run(brought.run_id, state, counts)
        ledger.publish()
