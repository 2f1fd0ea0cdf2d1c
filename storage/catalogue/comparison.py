"""Comparing the files on disk with the ledger: new, changed, moved, duplicate, stale model, unchanged, known bad.

Works over the open ledger and, read only, over the published snapshot.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
        pa.field("name_number", pa.float64()),
        pa.field("name_kind", pa.string()),
        pa.field("first_downbeat_s", pa.float64()),
        pa.field("key", pa.string()),
        pa.field("name_key", pa.string()),
        pa.field("identity", pa.string()),
    ]
)
"""The columns of a walk over the disk: size and mtime are null for a file whose status could not be read."""

FINDINGS: Final = ("new", "changed", "moved", "stale_model", "retry", "duplicate", "unchanged", "known_bad")
"""What a found file may be: `retry` is one in quarantine that somebody asked to try again."""

DECODED: Final = ("new", "changed", "stale_model", "retry")
"""The findings of files that are decoded; the others are settled without opening the file."""


@dataclass(frozen=True)
class DiskState:
    """What is on disk: the files found (`FOUND_SCHEMA`), the digests of those that were read, and what is gone.

    `gone` names paths the ledger knows whose content was found elsewhere and whose file is not there any more.
    """

    found: pa.Table
    hashes: dict[str, str]
    gone: Sequence[str] = ()


def unread_paths(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> list[str]:
    """The paths whose bytes must be read to know what they are: new ones, and those of another size or mtime."""
    with _given(connection, found=found):
        return [str(path) for (path,) in connection.execute(_UNREAD).fetchall()]


def ambiguous_paths(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> list[str]:
    """Those of `unread_paths` that may be a copy of something: files of a size that the ledger or `found` has too."""
    with _given(connection, found=found):
        return [str(path) for (path,) in connection.execute(_AMBIGUOUS).fetchall()]


def paths_elsewhere(connection: duckdb.DuckDBPyConnection, found: pa.Table, hashes: dict[str, str]) -> list[str]:
    """Paths that are not among the found ones and had a content that was read there: perhaps they were moved."""
    with _given(connection, found=found, hashes=_digests(hashes)):
        return [str(path) for (path,) in connection.execute(_ELSEWHERE).fetchall()]


def contents_by_identity(connection: duckdb.DuckDBPyConnection, found: pa.Table) -> dict[str, str]:
    """The digests of objects that the ledger knows under another URL, by what their stores say of them."""
    with _given(connection, found=found):
        return {str(path): str(digest) for path, digest in connection.execute(_BY_IDENTITY).fetchall()}


@contextmanager
def compared_findings(
    connection: duckdb.DuckDBPyConnection, seen: DiskState, model_id: str, label_version: str
) -> Iterator[None]:
    """A temporary table `finding` for the length of a `with` block: every found file with its key and finding."""
    gone = pa.table({"path": list(seen.gone)}, schema=pa.schema([("path", pa.string())]))
    with _given(connection, found=seen.found, hashes=_digests(seen.hashes), gone=gone):
        connection.execute(_FINDINGS, {"model_id": model_id, "label_version": label_version})
        try:
            yield
        finally:
            connection.execute("DROP TABLE IF EXISTS finding")


def count_findings(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many files have which finding, inside `compared_findings`."""
    counts = dict(connection.execute("SELECT finding, count(*) FROM finding GROUP BY ALL").fetchall())
    return {name: int(counts.get(name, 0)) for name in FINDINGS}


def files_to_decode(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int]]:
    """Path and size of every file that is to be decoded, inside `compared_findings`."""
    query = f"SELECT path, coalesce(size, 0) FROM finding WHERE finding IN {DECODED} ORDER BY path"
    return [(str(path), int(size)) for path, size in connection.execute(query).fetchall()]


def audio_per_second(connection: duckdb.DuckDBPyConnection) -> float | None:
    """Seconds of audio labelled in a second, over the last ten runs that labelled anything; None before the first."""
    ((rate,),) = connection.execute(_RATE).fetchall()
    return None if rate is None else float(rate)


@contextmanager
def _given(connection: duckdb.DuckDBPyConnection, **tables: pa.Table) -> Iterator[None]:
    for name, table in tables.items():
        connection.register(name, table)
    try:
        yield
    finally:
        for name in tables:
            connection.unregister(name)


def _digests(hashes: dict[str, str]) -> pa.Table:
    schema = pa.schema([("path", pa.string()), ("content_hash", pa.string())])
    return pa.table({"path": list(hashes), "content_hash": list(hashes.values())}, schema=schema)


# What has an identity is at a URL, and whoever labels it reads it.
_UNREAD: Final = """
SELECT found.path FROM found LEFT JOIN ledger.file f USING (path)
WHERE found.size IS NOT NULL AND found.identity IS NULL
  AND (f.content_hash IS NULL OR f.size <> found.size OR f.mtime_ns <> found.mtime_ns)
ORDER BY found.path
"""

_AMBIGUOUS: Final = f"""
WITH unread AS ({_UNREAD.replace("SELECT found.path", "SELECT found.path, found.size")})
SELECT path FROM unread
WHERE size IN (SELECT size FROM ledger.file)
   OR size IN (SELECT size FROM found GROUP BY size HAVING count(*) > 1)
ORDER BY path
"""

_BY_IDENTITY: Final = """
SELECT found.path, min(f.content_hash) FROM found
JOIN ledger.file f ON f.identity = found.identity AND f.content_hash IS NOT NULL
ANTI JOIN ledger.file known ON known.path = found.path AND known.identity = found.identity
GROUP BY found.path
"""

_ELSEWHERE: Final = """
SELECT f.path FROM ledger.file f SEMI JOIN hashes USING (content_hash) ANTI JOIN found ON found.path = f.path
ORDER BY f.path
"""

# Every path that is gone hands its row on to one new path with the same bytes; a person's tempo goes before all others.
_FINDINGS: Final = """
CREATE TEMP TABLE finding AS
WITH leaving AS (
    SELECT f.path, f.content_hash, row_number() OVER (PARTITION BY f.content_hash ORDER BY f.path) AS place
    FROM ledger.file f SEMI JOIN gone USING (path)
), coming AS (
    SELECT hashes.*, row_number() OVER (PARTITION BY hashes.content_hash ORDER BY hashes.path) AS place
    FROM hashes ANTI JOIN ledger.file f ON f.path = hashes.path
), move AS (
    SELECT coming.path, leaving.path AS old_path FROM coming JOIN leaving USING (content_hash, place)
), corrected AS (
    SELECT f.content_hash, any_value(c.bpm) AS bpm, any_value(c.first_downbeat_s) AS first_downbeat_s
    FROM ledger.correction c JOIN ledger.label l USING (audio_hash) JOIN ledger.file f ON f.shown_key = l.label_key
    GROUP BY ALL
), known AS (
    SELECT found.*, move.old_path, f.content_hash AS old_content, f.label_key AS old_key, f.shown_key AS old_shown,
           f.path IS NOT NULL AS seen,
           f.size IS NOT DISTINCT FROM found.size AND f.mtime_ns IS NOT DISTINCT FROM found.mtime_ns
               AND f.identity IS NOT DISTINCT FROM found.identity AS same,
           coalesce(
               hashes.content_hash, CASE WHEN same OR f.identity = found.identity THEN f.content_hash END
           ) AS content_hash
    FROM found LEFT JOIN move USING (path)
    LEFT JOIN ledger.file f ON f.path = coalesce(move.old_path, found.path)
    LEFT JOIN hashes ON hashes.path = found.path
), hinted AS (
    SELECT known.* REPLACE (
               coalesce(corrected.bpm, known.bpm) AS bpm,
               coalesce(corrected.first_downbeat_s, known.first_downbeat_s) AS first_downbeat_s)
    FROM known LEFT JOIN corrected USING (content_hash)
), keyed AS (
    SELECT *, sha256(concat_ws(
               '|', coalesce(identity, content_hash, path), $label_version,
               coalesce(kind, '-'), coalesce(name_kind, '-'), coalesce(bpm, -1), coalesce(name_bpm, -1),
               coalesce(name_number, -1), coalesce(first_downbeat_s, -1),
               coalesce("key", '-'), coalesce(name_key, '-')))[:32] AS label_key
    FROM hinted
), quarantined AS (
    SELECT keyed.*, l.label_key IS NOT NULL AS labelled,
           q.path IS NOT NULL AND seen AND same AND old_key = keyed.label_key AS bad, coalesce(q.again, false) AS again
    FROM keyed
    LEFT JOIN ledger.label l ON l.label_key = keyed.label_key AND l.model_id = $model_id
    LEFT JOIN ledger.quarantine q ON q.path = coalesce(keyed.old_path, keyed.path)
), numbered AS (
    -- A file that is known to be bad will not be labelled, so nothing can be a duplicate of it.
    SELECT *, row_number() OVER (PARTITION BY label_key, bad AND NOT again ORDER BY path) AS place
    FROM quarantined
)
SELECT path, old_path, size, mtime_ns, identity, content_hash, kind, bpm, name_bpm, name_number, name_kind,
       first_downbeat_s, "key", name_key, label_key,
       CASE WHEN old_content = content_hash THEN old_shown ELSE label_key END AS shown_key,
       CASE
           WHEN bad AND NOT again THEN 'known_bad'
           WHEN labelled AND old_path IS NOT NULL THEN 'moved'
           WHEN labelled AND seen AND old_key = label_key THEN 'unchanged'
           WHEN labelled OR place > 1 THEN 'duplicate'
           WHEN bad THEN 'retry'
           WHEN EXISTS (FROM ledger.label other WHERE other.label_key = numbered.label_key) THEN 'stale_model'
           WHEN seen AND old_key <> label_key THEN 'changed'
           ELSE 'new'
       END AS finding
FROM numbered
"""

_RATE: Final = """
WITH recent AS (
    SELECT run_id, epoch(ended_at) - epoch(started_at) AS took FROM ledger.run
    WHERE flow = 'label' AND labelled > 0 AND ended_at > started_at ORDER BY started_at DESC LIMIT 10
)
SELECT sum(duration_s) / (SELECT sum(took) FROM recent) FROM ledger.label SEMI JOIN recent USING (run_id)
"""
