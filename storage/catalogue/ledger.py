"""The ledger, the private database of the one writing process: files, labels, quarantine, models, runs.

It alone decides what is done. Workers never open it: they write parts, and the flow commits them.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, Final

import duckdb
import pyarrow as pa

from storage.catalogue.database_limits import limit_memory
from storage.catalogue.publishing import foreign_log, replaced_catalogue
from storage.catalogue.schema import migrate
from storage.catalogue.snapshot import changed_paths, update_snapshot, write_snapshot
from storage.models import ModelCard
from storage.vocabulary import Reason
from storage.workspace import Workspace


@dataclass(frozen=True)
class RunCounts:
    """How a run's files ended: `found` must be the sum of the next five; `decoded` counts files that were opened."""

    found: int
    labelled: int
    unchanged: int
    duplicate: int
    quarantined: int
    known_bad: int
    decoded: int

    @property
    def reconciles(self) -> bool:
        """Whether every file that was found is accounted for exactly once."""
        return self.found == self.labelled + self.unchanged + self.duplicate + self.quarantined + self.known_bad


class Ledger:
    """A workspace's ledger, opened for writing by the holder of the workspace's lock."""

    def __init__(self, workspace: Workspace) -> None:
        """Open the database and bring its schema up to date; raises UserError if it is of a newer one."""
        self._workspace = workspace
        workspace.ledger.parent.mkdir(parents=True, exist_ok=True)
        self._connection = self._open()

    @classmethod
    @contextmanager
    def of(cls, workspace: Workspace) -> Iterator["Ledger"]:
        """The ledger for the length of a `with` block."""
        ledger = cls(workspace)
        try:
            yield ledger
        finally:
            ledger._connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(str(self._workspace.ledger))
        limit_memory(connection, self._workspace, _MEMORY)
        migrate(connection, str(self._workspace.ledger))
        return connection

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction for the length of a `with` block: committed at its end, rolled back on an error."""
        self._connection.execute("BEGIN")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def trim_memory(self) -> None:
        """Return unused memory of DuckDB and Arrow to the system after a large piece of work."""
        self._connection.close()
        self._connection = self._open()
        pa.default_memory_pool().release_unused()

    def publish(self) -> None:
        """Replace the public snapshot by the ledger as it is now; a reader keeps the file it has open.

        Where few paths changed since the last time, it is a copy of the last one with those changes.
        """
        changed = self._changed_since_publication()
        if changed is None:
            self.publish_whole()
            return
        with replaced_catalogue(self._workspace.catalogue) as temporary:
            shutil.copyfile(self._workspace.catalogue, temporary)
            update_snapshot(self._connection, temporary, changed)
        self._note_publication(len(changed))

    def publish_whole(self) -> None:
        """Replace the public snapshot, and take over nothing from the one that is there."""
        self._connection.execute("DELETE FROM ledger.publication")
        with replaced_catalogue(self._workspace.catalogue) as temporary:
            temporary.unlink()  # DuckDB makes a database where no file is, and takes an empty one for none
            write_snapshot(self._connection, temporary)
        self._note_publication(0)

    def _changed_since_publication(self) -> list[int] | None:
        """Which paths changed; None where the catalogue has to be written whole."""
        catalogue = self._workspace.catalogue
        known = self.rows("SELECT size, mtime_ns, changed FROM ledger.publication")
        if not known or not catalogue.is_file() or foreign_log(catalogue) is not None:
            return None
        size, mtime_ns, before = known[0]
        there = catalogue.stat()
        if (there.st_size, there.st_mtime_ns) != (size, mtime_ns):
            return None
        try:
            changed = changed_paths(self._connection, catalogue)
        except duckdb.Error:
            return None
        ((paths,),) = self.rows("SELECT count(*) FROM ledger.file")
        return changed if changed is not None and before + len(changed) <= _MOST_CHANGED * paths else None

    def _note_publication(self, changed: int) -> None:
        there = self._workspace.catalogue.stat()
        with self.transaction() as connection:
            ((before,),) = connection.execute("SELECT coalesce(sum(changed), 0) FROM ledger.publication").fetchall()
            connection.execute("DELETE FROM ledger.publication")
            connection.execute(
                "INSERT INTO ledger.publication VALUES (?, ?, ?)", [there.st_size, there.st_mtime_ns, before + changed]
            )
        self._workspace.entered_corrections.unlink(missing_ok=True)

    def register_model(self, card: ModelCard) -> None:
        """Enter a model with its thresholds and sources; `activate_model` makes it the active one."""
        with self.transaction() as connection:
            known = connection.execute("SELECT model_id FROM ledger.model").fetchall()
            if (card.model_id,) in known:
                return
            connection.execute(
                "INSERT INTO ledger.model VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    card.model_id, card.name, card.network["network"], card.network["pooling"], card.loss,
                    card.weights_digest, card.dataset_digest, card.parameters, card.macro_pr_auc, card.macro_roc_auc,
                    card.created_at, False,
                ],
            )  # fmt: skip
            for position, role in enumerate(card.roles, start=1):
                row = [card.model_id, role, position, card.thresholds[role], *card.unsure[role]]
                connection.execute("INSERT INTO ledger.model_role VALUES (?, ?, ?, ?, ?, ?)", row)
            for entry in card.licences:
                row = [card.model_id, entry["source"], entry["licence"], entry["loops"]]
                connection.execute("INSERT INTO ledger.model_source VALUES (?, ?, ?, ?)", row)

    def activate_model(self, model_id: str) -> None:
        """Let the public views answer from this model; it must be registered."""
        with self.transaction() as connection:
            connection.execute("UPDATE ledger.model SET active = (model_id = ?)", [model_id])
            connection.execute(_SHOW_ACTIVE, [model_id])

    def active_model(self) -> str | None:
        """The id of the active model; None before the first was registered."""
        active = self.rows("SELECT model_id FROM ledger.model WHERE active")
        return str(active[0][0]) if active else None

    def open_run(self, run_id: str, flow: str, model_id: str | None = None) -> None:
        """Enter a new run; earlier runs that never ended become interrupted."""
        with self.transaction() as connection:
            connection.execute("UPDATE ledger.run SET state = 'interrupted', ended_at = now() WHERE ended_at IS NULL")
            connection.execute(
                "INSERT INTO ledger.run (run_id, flow, model_id, started_at, state) VALUES (?, ?, ?, now(), 'running')",
                [run_id, flow, model_id],
            )

    def close_run(self, run_id: str, state: str, counts: RunCounts) -> None:
        """Enter how a run ended."""
        columns = [field.name for field in fields(RunCounts)]
        with self.transaction() as connection:
            connection.execute(
                f"UPDATE ledger.run SET ended_at = now(), state = ?, {', '.join(f'{name} = ?' for name in columns)}, "
                "bytes_read = (SELECT sum(p.bytes_read) FROM ledger.committed_part p WHERE p.run_id = run.run_id) "
                "WHERE run_id = ?",
                [state, *(getattr(counts, name) for name in columns), run_id],
            )

    def quarantine(self, run_id: str, stage: str, failures: Sequence[tuple[str, Reason, str]]) -> None:
        """Put files (path, reason, message) into quarantine, or count one more attempt for those already there."""
        if not failures:
            return
        rows = pa.table(
            {
                "path": [path for path, _, _ in failures],
                "stage": [stage] * len(failures),
                "reason": [reason.value for _, reason, _ in failures],
                "message": [message for _, _, message in failures],
                "retryable": [reason.retryable for _, reason, _ in failures],
                "run_id": [run_id] * len(failures),
            }
        )
        with self.transaction() as connection:
            connection.register("failures", rows)
            connection.execute(QUARANTINE_FAILURES)
            connection.unregister("failures")

    def release(self, stage: str, paths: Sequence[str]) -> None:
        """Take paths that a stage had put into quarantine out of it again."""
        if paths:
            self._connection.execute(
                "DELETE FROM ledger.quarantine WHERE stage = ? AND path IN (SELECT unnest(?))", [stage, list(paths)]
            )

    def rows(self, sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
        """The rows of a query over the ledger."""
        return self._connection.execute(sql, parameters).fetchall()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The open connection, for the modules of this package that own a part of the ledger."""
        return self._connection


_MEMORY: Final = "1500MB"
"""What the database of a run may use, beside the workers; a publication of a million tracks needs no more."""

_MOST_CHANGED: Final = 0.1
"""Share of paths that may have changed since the catalogue was written whole: the rows of each are moved to its end."""

# A model's labels of the very key come first, then its latest of the same sound, made when hints or code were others.
_SHOW_ACTIVE: Final = """
UPDATE ledger.file SET shown_key = best.label_key
FROM (
    SELECT f.track_id, l.label_key
    FROM ledger.file f
    JOIN (SELECT DISTINCT label_key, audio_hash FROM ledger.label) known ON known.label_key = f.shown_key
    JOIN ledger.label l ON l.audio_hash = known.audio_hash AND l.model_id = ?
    QUALIFY row_number() OVER (
        PARTITION BY f.track_id ORDER BY l.label_key = f.label_key DESC, l.labelled_at DESC, l.label_id DESC) = 1
) best
WHERE best.track_id = file.track_id AND best.label_key <> file.shown_key
"""

QUARANTINE_FAILURES: Final = """
INSERT INTO ledger.quarantine (path, stage, reason, message, attempts, retryable, run_id, first_seen, last_seen)
SELECT path, stage, reason, message, 1, retryable, run_id, now(), now() FROM failures
ON CONFLICT (path) DO UPDATE SET
    stage = excluded.stage, reason = excluded.reason, message = excluded.message,
    attempts = attempts + 1, retryable = excluded.retryable, run_id = excluded.run_id, last_seen = now(), again = false
"""
"""Upserts a relation named `failures`: path, stage, reason, message, retryable, run_id."""
