"""Labelling runs in the ledger: files found, files to label, counts at the end, quarantine."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from storage.catalogue.comparison import DECODED, FOUND_SCHEMA, DiskState, compared_findings
from storage.catalogue.ledger import Ledger, RunCounts
from storage.vocabulary import Reason


@dataclass(frozen=True)
class Task:
    """A file to label: the key its labels will have, and what its manifest says."""

    label_key: str
    path: str
    size: int
    kind: str | None
    bpm: float | None
    first_downbeat_s: float | None
    key: str | None


class Labels:
    """Files and their labels in a ledger."""

    def __init__(self, ledger: Ledger) -> None:
        """Read and write an open ledger."""
        self._ledger = ledger

    def register(self, run_id: str, seen: DiskState, model_id: str, label_version: str) -> None:
        """Enter all found files with their finding (`storage.catalogue.comparison`); a moved one keeps its track id."""
        with self._ledger.transaction() as connection, compared_findings(connection, seen, model_id, label_version):
            for statement in _REGISTER:
                connection.execute(statement, {"run_id": run_id} if "$run_id" in statement else None)

    def findings(self, run_id: str) -> dict[str, int]:
        """How many files of a run have which finding."""
        rows = self._ledger.rows("SELECT finding, count(*) FROM ledger.file WHERE run_id = ? GROUP BY ALL", [run_id])
        return {str(finding): int(count) for finding, count in rows}

    def work(self, run_id: str) -> int:
        """How many files a run has to label."""
        return sum(count for finding, count in self.findings(run_id).items() if finding in DECODED)

    def tasks(self, run_id: str, page: int = 4096) -> Iterator[Task]:
        """What a run has to label: every content once, in the order of paths; read in pages, so that a million fit."""
        last = ""
        while rows := self._ledger.rows(_TASKS, {"run_id": run_id, "after": last, "page": page}):
            yield from (Task(*row) for row in rows)
            last = rows[-1][1]

    def count(self, run_id: str, model_id: str) -> RunCounts:
        """How the files of a run ended, by what the ledger holds now."""
        row = self._ledger.rows(_COUNTS, {"run_id": run_id, "model_id": model_id})[0]
        # Over no rows at all, count_if is null.
        return RunCounts(*(int(value or 0) for value in row))

    def ask_again(self, reason: Reason | None) -> pa.Table:
        """Mark files in quarantine to be tried once more, and return them in the form of a walk (`FOUND_SCHEMA`).

        Without a reason, those whose reason may pass by itself.
        """
        with self._ledger.transaction() as connection:
            connection.execute(_ASK_AGAIN, {"reason": reason})
            rows = connection.execute(_AGAIN).fetchall()
        return pa.Table.from_pylist([dict(zip(FOUND_SCHEMA.names, row, strict=True)) for row in rows], FOUND_SCHEMA)

    def unlabelled_by(self, model_id: str) -> int:
        """How many of the tracks that readers see have no labels by a model; 0 says it is complete."""
        return int(self._ledger.rows(_UNLABELLED, [model_id])[0][0])

    def errors_of(self, run_id: str) -> list[dict[str, Any]]:
        """What a run put into quarantine: reason, how many files, and one of them."""
        rows = self._ledger.rows(_ERRORS, [run_id])
        return [{"reason": reason, "files": files, "example": example} for reason, files, example in rows]


_REGISTER: Final = (
    "UPDATE ledger.quarantine q SET path = f.path FROM finding f WHERE f.old_path = q.path",
    "UPDATE ledger.file o SET path = f.path FROM finding f WHERE f.old_path = o.path",
    """
    INSERT INTO ledger.file
        (path, size, mtime_ns, identity, content_hash, kind, bpm, name_bpm, name_number, name_kind, first_downbeat_s,
         "key", name_key, label_key, shown_key, run_id, finding)
    SELECT path, size, mtime_ns, identity, content_hash, kind, bpm, name_bpm, name_number, name_kind, first_downbeat_s,
           "key", name_key, label_key, shown_key, $run_id, finding
    FROM finding ORDER BY path
    ON CONFLICT (path) DO UPDATE SET
        size = excluded.size, mtime_ns = excluded.mtime_ns, identity = excluded.identity,
        content_hash = excluded.content_hash, kind = excluded.kind,
        bpm = excluded.bpm, name_bpm = excluded.name_bpm, name_number = excluded.name_number,
        name_kind = excluded.name_kind, first_downbeat_s = excluded.first_downbeat_s,
        "key" = excluded."key", name_key = excluded.name_key, label_key = excluded.label_key,
        shown_key = excluded.shown_key, run_id = excluded.run_id,
        finding = excluded.finding
    """,
    # Readers see the old labels of the same bytes until there are new ones.
    """
    UPDATE ledger.file SET shown_key = label_key WHERE shown_key <> label_key AND label_key IN
        (SELECT l.label_key FROM ledger.label l JOIN ledger.model m ON m.model_id = l.model_id AND m.active)
    """,
)

_TASKS: Final = f"""
SELECT label_key, path, coalesce(size, 0), kind, bpm, first_downbeat_s, "key"
FROM ledger.file WHERE run_id = $run_id AND finding IN {DECODED} AND path > $after ORDER BY path LIMIT $page
"""

_ASK_AGAIN: Final = """
UPDATE ledger.quarantine SET again = true
WHERE path IN (SELECT path FROM ledger.file) AND CASE WHEN $reason IS NULL THEN retryable ELSE reason = $reason END
"""

_AGAIN: Final = """
SELECT f.path, f.size, f.mtime_ns, f.kind, f.bpm, f.name_bpm, f.name_number, f.name_kind, f.first_downbeat_s, f."key",
       f.name_key, f.identity
FROM ledger.file f JOIN ledger.quarantine q ON q.path = f.path AND q.again ORDER BY f.path
"""

_UNLABELLED: Final = """
SELECT count(*) FROM ledger.shown s JOIN ledger.file f USING (track_id)
WHERE NOT EXISTS (FROM ledger.label l WHERE l.label_key = f.label_key AND l.model_id = ?)
"""

_ERRORS: Final = """
SELECT reason, count(*), min(path) FROM ledger.quarantine WHERE run_id = ? GROUP BY reason ORDER BY count(*) DESC
"""

_COUNTS: Final = """
WITH ended AS (
    SELECT CASE
        WHEN f.finding IN ('unchanged', 'known_bad') THEN f.finding
        WHEN q.path IS NOT NULL THEN 'quarantined'
        WHEN l.label_key IS NULL THEN 'pending'
        WHEN f.finding IN ('duplicate', 'moved') THEN 'duplicate'
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
