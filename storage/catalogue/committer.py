"""The committer: enters label parts into the ledger, many in one transaction, each exactly once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from storage.catalogue.archive import ARCHIVE, merged_parts
from storage.catalogue.label_parts import SCHEMA
from storage.catalogue.ledger import QUARANTINE_FAILURES, Ledger
from storage.workspace import Workspace

_OUTCOMES_AT_ONCE: Final = 4096


class Committer:
    """Gathers parts as workers finish them, and commits them in transactions of thousands of outcomes.

    A part that was gathered and not yet committed when the process dies is found by the next run.
    """

    def __init__(self, workspace: Workspace, ledger: Ledger, outcomes_at_once: int = _OUTCOMES_AT_ONCE) -> None:
        """Commit to an open ledger of the workspace."""
        self._workspace, self._ledger, self._most = workspace, ledger, outcomes_at_once
        self._gathered: list[Path] = []
        self._outcomes = 0

    def add(self, part: Path, outcomes: int) -> None:
        """Take a finished part, and commit what was gathered once that is enough for a transaction."""
        self._gathered.append(part)
        self._outcomes += outcomes
        if self._outcomes >= self._most:
            self.flush()

    def flush(self) -> None:
        """Commit what was gathered."""
        if self._gathered:
            self.commit(self._gathered)
        self._gathered, self._outcomes = [], 0

    def commit_left(self) -> int:
        """Commit every part that no run has committed yet; returns how many outcomes they held.

        Parts left by a run that was killed are committed by the next one.
        """
        known = {str(part) for (part,) in self._ledger.rows("SELECT part FROM ledger.committed_part")}
        left = [part for part in sorted(self._workspace.parts.glob("*/*.parquet")) if self._name(part) not in known]
        # An archive whose parts are known was made by a run that was killed before it was entered in the ledger.
        left = [part for part in left if part.parent.name != ARCHIVE or known.isdisjoint(merged_parts(part))]
        return sum(self.commit(left[start : start + _PARTS_AT_ONCE]) for start in range(0, len(left), _PARTS_AT_ONCE))

    def commit(self, parts: Sequence[Path]) -> int:
        """Commit parts in one transaction, all of them or none; returns how many outcomes they held.

        Raises duckdb.ConstraintException if one of them was committed before.
        """
        with self._ledger.transaction() as connection:
            connection.register("part_schema", SCHEMA.empty_table())
            connection.execute(_TEMPLATE)
            connection.unregister("part_schema")
            connection.execute(_READ, [[str(part) for part in parts]])
            rows = [(self._name(part), part.parent.name, str(part)) for part in parts]
            connection.execute(_NOTE_PARTS, [[list(row) for row in rows]])
            for statement in _COMMIT:
                connection.execute(statement)
            return int(connection.execute("SELECT count(*) FROM outcome").fetchall()[0][0])

    def _name(self, part: Path) -> str:
        return part.relative_to(self._workspace.parts).as_posix()


_PARTS_AT_ONCE: Final = 256

_TEMPLATE: Final = """
CREATE OR REPLACE TEMP TABLE outcome AS SELECT *, '' AS filename FROM part_schema
"""

# By name, so that parts of an older version, which lack columns, are read as well.
_READ: Final = "INSERT INTO outcome BY NAME SELECT * FROM read_parquet(?, union_by_name = true, filename = true)"

_NOTE_PARTS: Final = """
CREATE OR REPLACE TEMP TABLE part AS
SELECT row[1] AS part, row[2] AS run_id, row[3] AS filename FROM (SELECT unnest(?) AS row)
"""

# Probabilities to five decimals and times to the microsecond: finer than what they mean, and a third less on disk.
_COMMIT: Final = (
    """
    INSERT INTO ledger.committed_part BY NAME
    SELECT part, run_id, (SELECT count(*) FROM outcome o WHERE o.filename = part.filename) AS outcomes,
           (SELECT sum(bytes_read) FROM outcome o WHERE o.filename = part.filename)::BIGINT AS bytes_read,
           now() AS committed_at
    FROM part
    """,
    # An object is hashed by who reads it; all files of one key have the same bytes.
    """
    UPDATE ledger.file SET content_hash = outcome.content_hash FROM outcome
    WHERE outcome.content_hash IS NOT NULL AND outcome.label_key = file.label_key AND file.identity IS NOT NULL
    """,
    """
    CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT nextval('ledger.label_number')::INTEGER AS label_id, * FROM (
        SELECT o.* REPLACE (coalesce(o.audio_hash, f.content_hash, o.label_key) AS audio_hash), part.run_id
        FROM outcome o JOIN part USING (filename)
        LEFT JOIN (SELECT label_key, min(content_hash) AS content_hash FROM ledger.file GROUP BY ALL) f
            USING (label_key)
        WHERE o.reason IS NULL
        QUALIFY row_number() OVER (PARTITION BY o.label_key, o.model_id ORDER BY filename) = 1
        ORDER BY o.path)
    """,
    """
    CREATE OR REPLACE TEMP TABLE replaced AS
    SELECT l.label_id FROM ledger.label l JOIN fresh USING (label_key, model_id)
    """,
    """
    INSERT OR REPLACE INTO ledger.label BY NAME
    SELECT label_id, label_key, model_id, audio_hash, status, kind, duration_s, bpm, bpm_source, bpm_confidence,
           bpm_alternative, half_time, round(first_downbeat_s, 6) AS first_downbeat_s, bpm_drift, bar_lines,
           "key", mode, key_source, key_confidence,
           list_transform(probabilities, lambda p: round(p, 5))::FLOAT[6] AS probabilities, run_id, now() AS labelled_at
    FROM fresh
    """,
    "DELETE FROM ledger.segment WHERE label_id IN (FROM replaced)",
    """
    INSERT INTO ledger.segment
    SELECT label_id, s.segment, s.start_bar, s.end_bar, round(s.start_s, 6), round(s.end_s, 6),
           round(s.activations[1], 5), round(s.activations[2], 5), round(s.activations[3], 5),
           round(s.activations[4], 5), round(s.activations[5], 5), round(s.activations[6], 5)
    FROM (SELECT label_id, unnest(segments) AS s FROM fresh) ORDER BY label_id, s.segment
    """,
    "DELETE FROM ledger.bars WHERE label_id IN (FROM replaced)",
    """
    INSERT INTO ledger.bars
    SELECT label_id, bars[1].bar, list_transform(bars, lambda b: round(b.level_db, 1)),
           list_transform(bars, lambda b: ledger.packed(b.activations)),
           ledger.sounding_in(stays, bars[1].bar, len(bars))
    FROM fresh WHERE len(bars) > 0 ORDER BY label_id
    """,
    "DELETE FROM ledger.role_span WHERE label_id IN (FROM replaced)",
    """
    INSERT INTO ledger.role_span
    SELECT label_id, s.role, s.start_bar, s.end_bar
    FROM (SELECT label_id, unnest(stays) AS s FROM fresh) ORDER BY label_id, s.role, s.start_bar
    """,
    "DELETE FROM ledger.section WHERE label_id IN (FROM replaced)",
    """
    INSERT INTO ledger.section
    SELECT label_id, s.section, s.label, s.confidence, s.start_bar, s.end_bar, s.border_confidence
    FROM (SELECT label_id, unnest(sections) AS s FROM fresh) ORDER BY label_id, s.section
    """,
    """
    UPDATE ledger.file SET shown_key = label_key WHERE shown_key <> label_key AND label_key IN
        (SELECT fresh.label_key FROM fresh JOIN ledger.model m ON m.model_id = fresh.model_id AND m.active)
    """,
    """
    DELETE FROM ledger.quarantine WHERE path IN
        (SELECT f.path FROM ledger.file f JOIN fresh ON fresh.label_key = f.label_key)
    """,
    """
    CREATE OR REPLACE TEMP TABLE failures AS
    SELECT f.path, o.stage, o.reason, o.message, o.retryable, part.run_id
    FROM outcome o JOIN part USING (filename) JOIN ledger.file f ON f.label_key = o.label_key
    WHERE o.reason IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY f.path ORDER BY filename) = 1
    """,
    QUARANTINE_FAILURES,
)
