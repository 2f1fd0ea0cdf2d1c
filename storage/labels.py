"""The labelling side of the ledger: what was found, what is to be done about it, and the commit of what was done."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from storage.ledger import QUARANTINE_FAILURES, Ledger, RunCounts
from storage.planning import judged
from storage.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """A file to label: the key its labels will have, and what was said of it."""

    label_key: str
    path: str
    size: int
    kind: str | None
    bpm: float | None
    first_downbeat_s: float | None


class Labels:
    """Files, labels and parts in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        """Over an open ledger."""
        self._ledger = ledger

    def register(self, run_id: str, found: pa.Table, hashes: dict[str, str], model_id: str, label_version: int) -> None:
        """Enter all found files with their finding (`storage.planning`)."""
        with self._ledger.transaction() as connection, judged(connection, found, hashes, model_id, label_version):
            connection.execute(_REGISTER, {"run_id": run_id})

    def findings(self, run_id: str) -> dict[str, int]:
        """How many files of a run have which finding."""
        rows = self._ledger.rows("SELECT finding, count(*) FROM ledger.file WHERE run_id = ? GROUP BY ALL", [run_id])
        return {str(finding): int(count) for finding, count in rows}

    def tasks(self, run_id: str) -> list[Task]:
        """What a run has to label: every content once, in the order of paths."""
        return [Task(*row) for row in self._ledger.rows(_TASKS, [run_id])]

    def commit_parts(self, workspace: Workspace) -> int:
        """Commit every part that no run has committed yet; returns how many outcomes they held.

        Parts left by a run that was killed are committed by the next one.
        """
        committed = {str(part) for (part,) in self._ledger.rows("SELECT part FROM ledger.committed_part")}
        outcomes = 0
        for part in _parts(workspace):
            if part.relative_to(workspace.parts).as_posix() not in committed:
                outcomes += self.commit_part(workspace, part)
        return outcomes

    def commit_part(self, workspace: Workspace, part: Path) -> int:
        """Commit one part in one transaction; returns how many outcomes it held."""
        name, run_id = part.relative_to(workspace.parts).as_posix(), part.parent.name
        with self._ledger.transaction() as connection:
            connection.execute("CREATE OR REPLACE TEMP TABLE outcome AS FROM read_parquet(?)", [str(part)])
            for statement in _COMMIT:
                connection.execute(statement, {"run_id": run_id} if "$run_id" in statement else None)
            count = int(connection.execute("SELECT count(*) FROM outcome").fetchall()[0][0])
            connection.execute("INSERT INTO ledger.committed_part VALUES (?, ?, ?, now())", [name, run_id, count])
        return count

    def count(self, run_id: str, model_id: str) -> RunCounts:
        """How the files of a run ended, told from what the ledger holds now."""
        row = self._ledger.rows(_COUNTS, {"run_id": run_id, "model_id": model_id})[0]
        # Over no rows at all, count_if is null.
        return RunCounts(*(int(value or 0) for value in row))


def _parts(workspace: Workspace) -> Iterator[Path]:
    yield from sorted(workspace.parts.glob("*/*.parquet"))


_REGISTER: Final = """
INSERT INTO ledger.file
    (path, size, mtime_ns, content_hash, kind, bpm, name_bpm, first_downbeat_s, label_key, run_id, finding)
SELECT path, size, mtime_ns, content_hash, kind, bpm, name_bpm, first_downbeat_s, label_key, $run_id, finding
FROM finding ORDER BY path
ON CONFLICT (path) DO UPDATE SET
    size = excluded.size, mtime_ns = excluded.mtime_ns, content_hash = excluded.content_hash, kind = excluded.kind,
    bpm = excluded.bpm, name_bpm = excluded.name_bpm, first_downbeat_s = excluded.first_downbeat_s,
    label_key = excluded.label_key, run_id = excluded.run_id, finding = excluded.finding
"""

_TASKS: Final = """
SELECT label_key, path, coalesce(size, 0), kind, bpm, first_downbeat_s
FROM ledger.file WHERE run_id = ? AND finding IN ('new', 'changed', 'stale_model') ORDER BY path
"""

_COMMIT: Final = (
    """
    INSERT OR REPLACE INTO ledger.label
    SELECT label_key, model_id, status, kind, duration_s, bpm, bpm_source, bpm_confidence, bpm_alternative,
           first_downbeat_s, probabilities, $run_id, now()
    FROM outcome WHERE reason IS NULL
    """,
    "DELETE FROM ledger.segment s USING outcome o WHERE o.label_key = s.label_key AND o.model_id = s.model_id",
    """
    INSERT INTO ledger.segment
    SELECT label_key, model_id, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, s.activations
    FROM (SELECT label_key, model_id, unnest(segments) AS s FROM outcome WHERE reason IS NULL)
    """,
    """
    DELETE FROM ledger.quarantine WHERE path IN
        (SELECT f.path FROM ledger.file f JOIN outcome o ON o.label_key = f.label_key WHERE o.reason IS NULL)
    """,
    """
    CREATE OR REPLACE TEMP TABLE failures AS
    SELECT f.path, o.stage, o.reason, o.message, o.retryable
    FROM outcome o JOIN ledger.file f ON f.label_key = o.label_key WHERE o.reason IS NOT NULL
    """,
    QUARANTINE_FAILURES,
)

_COUNTS: Final = """
WITH ended AS (
    SELECT CASE
        WHEN f.finding IN ('unchanged', 'known_bad') THEN f.finding
        WHEN q.path IS NOT NULL THEN 'quarantined'
        WHEN l.label_key IS NULL THEN 'pending'
        WHEN f.finding = 'duplicate' THEN 'duplicate'
        ELSE 'labelled'
    END AS ending
    FROM ledger.file f
    LEFT JOIN ledger.quarantine q ON q.path = f.path
    LEFT JOIN ledger.label l ON l.label_key = f.label_key AND l.model_id = $model_id
    WHERE f.run_id = $run_id
)
SELECT count(*), count_if(ending = 'labelled'), count_if(ending = 'unchanged'), count_if(ending = 'duplicate'),
       count_if(ending = 'quarantined'), count_if(ending = 'known_bad'),
       (SELECT coalesce(sum(outcomes), 0) FROM ledger.committed_part WHERE run_id = $run_id)
FROM ended
"""
