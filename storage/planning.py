"""Judging what was found on disk against what the ledger knows: new, changed, duplicate, unchanged, known bad.

Works over the open ledger and, read only, over the published snapshot.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb
import pyarrow as pa

FOUND_SCHEMA: Final = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime_ns", pa.int64()),
        pa.field("kind", pa.string()),
        pa.field("bpm", pa.float64()),
        pa.field("name_bpm", pa.float64()),
        pa.field("first_downbeat_s", pa.float64()),
    ]
)
"""What a walk over the disk says: size and mtime are null for a file that could not be looked at."""


_HASHES: Final = pa.schema([("path", pa.string()), ("content_hash", pa.string())])


def unread_paths(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> list[str]:
    """The paths whose bytes must be read to know what they are: new ones, and those of another size or mtime."""
    connection.register("found", found)
    try:
        return [str(path) for (path,) in connection.execute(_UNREAD).fetchall()]
    finally:
        connection.unregister("found")


@contextmanager
def judged(
    connection: duckdb.DuckDBPyConnection, found: pa.Table, hashes: dict[str, str], model_id: str, label_version: int
) -> Iterator[None]:
    """A temporary table `finding` for the length of a `with` block: every found file with its key and finding.

    The finding is new, changed, stale_model, duplicate, unchanged or known_bad. `hashes` has the digest of every
    path that `unread_paths` named and that could be read.
    """
    digests = pa.table({"path": list(hashes), "content_hash": list(hashes.values())}, schema=_HASHES)
    connection.register("found", found)
    connection.register("hashes", digests)
    connection.execute(_FINDINGS, {"model_id": model_id, "label_version": label_version})
    try:
        yield
    finally:
        connection.execute("DROP TABLE IF EXISTS finding")
        connection.unregister("hashes")
        connection.unregister("found")


def count_findings(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many files have which finding, inside `judged`."""
    counts = dict(connection.execute("SELECT finding, count(*) FROM finding GROUP BY ALL").fetchall())
    return {name: int(counts.get(name, 0)) for name in FINDINGS}


FINDINGS: Final = ("new", "changed", "stale_model", "duplicate", "unchanged", "known_bad")

_UNREAD: Final = """
SELECT found.path FROM found LEFT JOIN ledger.file f USING (path)
WHERE found.size IS NOT NULL
  AND (f.content_hash IS NULL OR f.size <> found.size OR f.mtime_ns <> found.mtime_ns)
ORDER BY found.path
"""

_FINDINGS: Final = """
CREATE TEMP TABLE finding AS
WITH known AS (
    SELECT found.*, coalesce(hashes.content_hash, f.content_hash) AS content_hash,
           f.label_key AS old_key, f.path IS NOT NULL AS seen,
           f.size IS NOT DISTINCT FROM found.size AND f.mtime_ns IS NOT DISTINCT FROM found.mtime_ns AS same
    FROM found LEFT JOIN ledger.file f USING (path) LEFT JOIN hashes USING (path)
), keyed AS (
    SELECT *, sha256(concat_ws(
               '|', coalesce(content_hash, path), $label_version, coalesce(kind, '-'),
               coalesce(bpm, -1), coalesce(name_bpm, -1), coalesce(first_downbeat_s, -1)))[:32] AS label_key
    FROM known
), judged AS (
    SELECT keyed.*,
           l.label_key IS NOT NULL AS labelled,
           q.path IS NOT NULL AS bad,
           EXISTS (FROM ledger.label o WHERE o.label_key = keyed.label_key) AS other_model,
           -- A file that is known to be bad will not be labelled, so nothing can be a duplicate of it.
           row_number() OVER (
               PARTITION BY keyed.label_key, q.path IS NOT NULL AND seen AND same AND old_key = keyed.label_key
               ORDER BY keyed.path) AS place
    FROM keyed
    LEFT JOIN ledger.label l ON l.label_key = keyed.label_key AND l.model_id = $model_id
    LEFT JOIN ledger.quarantine q ON q.path = keyed.path
)
SELECT path, size, mtime_ns, content_hash, kind, bpm, name_bpm, first_downbeat_s, label_key,
       CASE
           WHEN bad AND seen AND same AND old_key = label_key THEN 'known_bad'
           WHEN labelled AND seen AND old_key = label_key THEN 'unchanged'
           WHEN labelled OR place > 1 THEN 'duplicate'
           WHEN other_model THEN 'stale_model'
           WHEN seen AND old_key <> label_key THEN 'changed'
           ELSE 'new'
       END AS finding
FROM judged
"""
