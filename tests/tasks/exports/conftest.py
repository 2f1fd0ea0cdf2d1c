"""A catalogue of generated tracks of 64 bars, a loop, a one-shot and a file without labels, whose names are odd."""

from collections.abc import Iterator

import duckdb
import pytest

from storage.catalogue.schema import migrate
from storage.published.track_labels import TrackLabels, TrackSelection
from storage.vocabulary import ROLES
from tests.support.dummies import card

TRACKS = 1000
NAMES = ["Ελλάδα 🥁", r"H\xe9mo", "a\nb", 'say "hi" & <bye>', "plain"]
"""The second has a byte that is not UTF-8, as the catalogue writes it."""

_FILES = """
INSERT INTO ledger.file BY NAME
SELECT i + 1 AS track_id,
       printf('/music/%04d %s.%s', i, $names[i % len($names) + 1], if(i % 2 = 0, 'mp3', 'flac')) AS path,
       path AS content_hash, path AS label_key, path AS shown_key, 'r' AS run_id, 'new' AS finding
FROM range($tracks + 3) t(i)
"""
_LABELS = """
INSERT INTO ledger.label BY NAME
SELECT track_id::INTEGER AS label_id, label_key, $model AS model_id, 's' || label_key AS audio_hash,
       if(track_id = $tracks + 2, 'no_tempo', 'labelled') AS status,
       kind, if(kind = 'track', 192.0, 8.0) AS duration_s,
       if(kind = 'oneshot', NULL, 90 + (track_id * 7919 % 8000) / 100.0) AS bpm, 'estimate' AS bpm_source,
       0.9 AS bpm_confidence, if(kind = 'oneshot', NULL, (track_id * 31 % 997) / 1000.0) AS first_downbeat_s,
       if(track_id % 3 = 0, NULL, 'F#') AS "key", if(track_id % 3 = 0, NULL, 'minor') AS mode, 0.8 AS key_confidence,
       [0.95, 0.9, 0.1, 0.5, 0.2, 0.1]::FLOAT[6] AS probabilities, 'r' AS run_id,
       '2026-01-02 03:04:05+00' AS labelled_at
FROM (SELECT track_id, label_key,
             CASE track_id WHEN $tracks + 1 THEN 'loop' WHEN $tracks + 2 THEN 'oneshot' ELSE 'track' END AS kind
      FROM ledger.file WHERE track_id <= $tracks + 2)
"""
_SEGMENTS = """
INSERT INTO ledger.segment
SELECT label_id, s, 4 * s + 1, 4 * s + 4, first_downbeat_s + s * 960 / bpm, first_downbeat_s + (s + 1) * 960 / bpm,
       if(s >= 4, 0.9, 0.1), 0.8, 0.1, if(s >= 8, 0.7, 0.2), 0.1, 0.05
FROM ledger.label, range(if(kind = 'track', 16, 1)) t(s) WHERE bpm IS NOT NULL ORDER BY label_id, s
"""
_SPANS = """
INSERT INTO ledger.role_span
SELECT label_id, unnest(['bass', 'percussion', 'melody']), unnest([17, 1, 33]), unnest([64, 64, 48])
FROM ledger.label WHERE kind = 'track'
"""
_SECTIONS = """
INSERT INTO ledger.section
SELECT label_id, unnest([0, 1, 2]), unnest(['intro', 'core', 'outro']), 0.75,
       unnest([1, 17, 49]), unnest([16, 48, 64]), 0.9
FROM ledger.label WHERE kind = 'track'
"""


@pytest.fixture(scope="session")
def catalogue() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        migrate(connection, "memory")
        model = card().model_id
        connection.execute(
            "INSERT INTO ledger.model VALUES (?, 'm', 'n', 'p', 'l', 'w', 'd', 1, 0.5, 0.5, now(), true)", [model]
        )
        for position, role in enumerate(ROLES, start=1):
            connection.execute("INSERT INTO ledger.model_role VALUES (?, ?, ?, 0.5, 0.4, 0.6)", [model, role, position])
        connection.execute(_FILES, {"names": NAMES, "tracks": TRACKS})
        connection.execute(_LABELS, {"model": model, "tracks": TRACKS})
        for statement in (_SEGMENTS, _SPANS, _SECTIONS):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO ledger.correction_role "
            "SELECT audio_hash, 'bass', false, now() FROM ledger.label WHERE label_id = 2"
        )
        yield connection


@pytest.fixture(scope="session")
def everything(catalogue: duckdb.DuckDBPyConnection) -> TrackSelection:
    return TrackSelection.where(catalogue, "true")


@pytest.fixture(scope="session")
def tracks(everything: TrackSelection) -> list[TrackLabels]:
    """What every writer is given, the loop and the one-shot at the end."""
    return list(everything.labels_and_maps())
