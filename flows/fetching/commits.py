"""Committing a fetch: loops into the table, refused files into the ledger's quarantine, and the summary."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from flows.engine.interrupts import StoppedError, stop_requested
from storage.catalogue.ledger import Ledger, RunCounts
from storage.loops.table import Loop, LoopError, check_loop, read_loops, write_loops
from storage.paths import path_of
from storage.vocabulary import Reason, Refusal
from storage.workspace import Workspace
from tasks.sources.merging import merge_loops


@dataclass(frozen=True)
class FetchSummary:
    """The summary of a fetch: files found, loops now in the table that came from it, duplicates, refusals.

    `quarantined` are refused by this run, `known_bad` were refused by an earlier one for the same reason;
    `passed_over` counts loops of licences that were not asked for, `left_out` those that the people who annotated them
    leave out by a stated rule: neither are among those found.
    """

    found: int
    loops: int
    duplicate: int
    quarantined: int
    known_bad: int = 0
    passed_over: int = 0
    left_out: int = 0


@dataclass
class FetchCommits:
    """A fetch in progress: loops are committed batch by batch, so that a kill loses one batch at most."""

    workspace: Workspace
    ledger: Ledger
    licences: Collection[str]
    run_id: str
    kept: set[str] = field(default_factory=set)
    refused: dict[str, Reason] = field(default_factory=dict)
    known_bad: dict[str, Reason] = field(default_factory=dict)
    duplicates: int = 0
    passed_over: int = 0
    left_out: int = 0

    def commit(self, loops: Sequence[Loop], refused: Sequence[Refusal], cleared: Sequence[str] = ()) -> None:
        """Put loops into the table, each content once, and refusals into the ledger; `cleared` leave quarantine.

        A record that may not enter the table is refused as `malformed`. What is in quarantine for the same reason
        already is known to be bad and not refused anew, unless it was the network that failed.
        """
        allowed = [loop for loop in loops if loop.licence_class in self.licences]
        entering, malformed = _checked(allowed)
        merged = merge_loops(read_loops(self.workspace.loops), entering)
        write_loops(self.workspace.loops, merged.table)
        self.ledger.release("fetch", cleared)
        old = dict(self.ledger.rows("SELECT path, reason FROM ledger.quarantine WHERE stage = 'fetch'"))
        for path, reason, _ in [*refused, *malformed]:
            known = old.get(path) == reason and reason is not Reason.NETWORK
            (self.known_bad if known else self.refused)[path] = reason
        self.ledger.quarantine(self.run_id, "fetch", [*refused, *malformed])
        self.kept |= {loop.loop_id for loop in merged.kept}
        self.duplicates += merged.duplicates
        self.passed_over += len(loops) - len(allowed)

    def not_in_table(
        self, wanted: Sequence[Loop], alike: Callable[[Loop], str | None] = lambda loop: loop.path
    ) -> list[Loop]:
        """Those of `wanted` that the table does not have yet, with their file; the others count as already there.

        Two loops are the same if they are of one source and `alike` says the same of both.
        """
        table = {(loop.source, alike(loop)): loop for loop in read_loops(self.workspace.loops)}
        there: dict[str, Loop] = {}
        for loop in wanted:
            known = table.get((loop.source, alike(loop)))
            if known is not None and path_of(known.path).exists():
                there[loop.path] = known
        self.kept |= {loop.loop_id for loop in there.values()}
        return [loop for loop in wanted if loop.path not in there]

    @property
    def summary(self) -> FetchSummary:
        """The summary so far."""
        found = len(self.kept) + self.duplicates + len(self.refused) + len(self.known_bad)
        return FetchSummary(
            found, len(self.kept), self.duplicates, len(self.refused), len(self.known_bad), self.passed_over,
            self.left_out,
        )  # fmt: skip


@contextmanager
def committing_fetch(
    workspace: Workspace, ledger: Ledger, flow: str, licences: Collection[str]
) -> Iterator[FetchCommits]:
    """Open a run for the length of a `with` block; however it ends, what was committed is counted and published."""
    commits = FetchCommits(workspace, ledger, licences, uuid4().hex[:12])
    ledger.open_run(commits.run_id, flow)
    state = "failed"
    try:
        yield commits
        state = "interrupted" if stop_requested.is_set() else "completed"
    except StoppedError:
        state = "interrupted"
        raise
    finally:
        made = commits.summary
        counts = RunCounts(made.found, made.loops, 0, made.duplicate, made.quarantined, made.known_bad, made.found)
        ledger.close_run(commits.run_id, state, counts)
        ledger.publish()


def _checked(loops: Sequence[Loop]) -> tuple[list[Loop], list[Refusal]]:
    """The loops that may enter the table, and why the others may not."""
    entering: list[Loop] = []
    malformed: list[Refusal] = []
    for loop in loops:
        try:
            entering.append(check_loop(loop))
        except LoopError as error:
            malformed.append((loop.path, Reason.MALFORMED, str(error)))
    return entering, malformed
