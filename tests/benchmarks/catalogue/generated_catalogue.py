"""A catalogue of any size in the real schema, written by SQL alone; the same number of tracks gives the same labels.

Tracks of 240 bars (60 segments, about 12 role spans, 5 sections), one loop for every ten tracks, and among them what a
real catalogue has: copies, files in quarantine, files without labels yet or without a tempo, one-shots, corrections by
people, labels by a model that is not active. The maps repeat: a label takes one of 1,024 by the hash of its key.

`ROLECALL_WORKSPACE=DIR python -m tests.benchmarks.catalogue.generated_catalogue` makes one of ROLECALL_BENCH_TRACKS
tracks.
"""

import os
from pathlib import Path
from typing import Final

from storage.catalogue.ledger import Ledger
from storage.models import ModelStore
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tests.support.dummies import card

TRACKS: Final = int(os.environ.get("ROLECALL_BENCH_TRACKS", "2000"))
SEGMENTS: Final = 60
_LABELS_AT_ONCE: Final = 50_000


def generate(workspace: Workspace, tracks: int = TRACKS) -> None:
    """Fill the ledger of a workspace with a catalogue of so many tracks, and publish it."""
    with Ledger.of(workspace) as ledger:
        enter_model(ledger, workspace)
        enter_files(ledger, tracks)
        enter_labels(ledger)
        enter_exceptions(ledger)
        ledger.publish()


def enter_model(ledger: Ledger, workspace: Workspace) -> None:
    """Register the bundled model, which is active, and an older one."""
    bundled = ModelStore(workspace.models).load("default").card
    ledger.register_model(card())
    ledger.register_model(bundled)
    ledger.activate_model(bundled.model_id)
    ledger.open_run("one", "label", bundled.model_id)


def enter_files(ledger: Ledger, tracks: int) -> None:
    """Enter paths without labels: `tracks` tracks, a tenth as many loops and one-shots, and a few in quarantine."""
    ledger.connection.execute(_FILES, {"tracks": tracks})
    ledger.connection.execute(_QUARANTINE)


def enter_labels(ledger: Ledger) -> None:
    """Label every file that has no labels yet; a file of no stated kind is a track."""
    for statement in (_SPANS, _BARS, _SOUNDING, _SEGMENTS, _SECTIONS, _PROBABILITIES, _ENTRIES):
        ledger.connection.execute(statement)
    ledger.connection.execute(_LABELS)
    ((low, high),) = ledger.rows("SELECT min(label_id), max(label_id) FROM entry")
    for first in range(low, high + 1, _LABELS_AT_ONCE) if low is not None else ():
        for rows in (_SEGMENT_ROWS, _BAR_ROWS, _SPAN_ROWS, _SECTION_ROWS):
            ledger.connection.execute(rows, {"low": first, "high": first + _LABELS_AT_ONCE - 1})


def enter_exceptions(ledger: Ledger) -> None:
    """Let people state a role of some sounds and the tempo of others; let some files wait, some have older labels."""
    for statement in (_CORRECTED_ROLES, _CORRECTED_GRIDS, _WAITING, _OLDER_LABELS):
        ledger.connection.execute(statement)


def change_tracks(ledger: Ledger, changed: int, night: str = "two") -> None:
    """Give so many tracks other bytes and other labels, spread over the catalogue, as a night with changes does."""
    ledger.open_run(night, "label", ledger.active_model())
    ledger.connection.execute(_CHANGE, {"changed": changed, "night": night})
    enter_labels(ledger)


_NAMES: Final = ", ".join(f"'{role}'" for role in ROLES)
_ROLES: Final = f"(SELECT range::INTEGER + 1 AS place, [{_NAMES}][range + 1] AS role FROM range({len(ROLES)}))"
_LISTS: Final = ("level_db", "activations")
_MAPS: Final = "(SELECT range::INTEGER AS map, range % 8 = 0 AS upbeat FROM range(1024))"

_FILES: Final = """
INSERT INTO ledger.file
    (track_id, path, size, mtime_ns, content_hash, kind, label_key, shown_key, run_id, finding)
SELECT nextval('ledger.track_number') AS track_id, path, 8000000 + hash(number) % 4000000, 1700000000000000000 + number,
       sha256('bytes ' || content), kind, sha256('key ' || content)[:32], sha256('key ' || content)[:32], 'one', 'new'
FROM (SELECT range AS number, printf('/music/tracks/%04d/%07d.mp3', range // 1000, range) AS path, NULL AS kind,
             -- Every 500th is a copy of the one before it.
             'track ' || range - (range % 500 = 499)::INTEGER AS content
      FROM range($tracks)
      UNION ALL
      SELECT range, printf('/music/loops/%04d/%07d.wav', range // 1000, range),
             CASE WHEN range % 10 = 9 THEN 'oneshot' ELSE 'loop' END, 'loop ' || range
      FROM range($tracks // 10)
      ORDER BY kind IS NOT NULL, number)
"""
_QUARANTINE: Final = """
INSERT INTO ledger.quarantine
SELECT path, 'decode', ['truncated', 'silent', 'unreadable'][1 + track_id % 3], 'cannot be used', 1, false, 'one',
       now(), now(), false
FROM ledger.file WHERE track_id % 250 = 17
"""

_SPANS: Final = f"""
CREATE OR REPLACE TEMP TABLE map_span AS
SELECT map, place, role,
       80 * part + CASE WHEN part = 0 THEN 1 ELSE 9 END
           + CASE WHEN role = 'percussion' AND part = 0 THEN 0 ELSE 8 * (hash(map, place, part) % 3)::INTEGER END
           AS start_bar,
       80 * part + 80
           - CASE WHEN role = 'percussion' AND part = 2 THEN 0 ELSE 8 * (hash(map, place, part, 1) % 4)::INTEGER END
           AS end_bar
FROM {_MAPS} CROSS JOIN {_ROLES} CROSS JOIN (SELECT range::INTEGER AS part FROM range(3))
WHERE hash(map, place) % 8 >= CASE role WHEN 'percussion' THEN 1 WHEN 'vocal' THEN 5 WHEN 'fx' THEN 4 ELSE 2 END
"""
_BARS: Final = f"""
CREATE OR REPLACE TEMP TABLE map_bar AS
WITH bar AS (
    SELECT m.map, bar, count(s.role) AS roles,
           {", ".join(f"coalesce(max(CASE WHEN s.role = '{role}' THEN 550 END), 0) AS {role}" for role in ROLES)}
    FROM {_MAPS} m CROSS JOIN (SELECT range::INTEGER AS bar FROM range(0, 241))
    LEFT JOIN map_span s ON s.map = m.map AND bar BETWEEN s.start_bar AND s.end_bar
    WHERE m.upbeat OR bar > 0
    GROUP BY ALL
)
SELECT map, bar, round(-14 + 2 * roles + hash(map, bar) % 25 / 10, 1)::FLOAT AS level_db,
       {", ".join(f"(({role} + hash(map, bar, '{role}') % 450) / 1000)::FLOAT AS {role}" for role in ROLES)}
FROM bar
"""
_SOUNDING: Final = """
CREATE OR REPLACE TEMP TABLE map_sounding AS
WITH span AS (
    SELECT map, list({role: role, start_bar: start_bar, end_bar: end_bar}) AS spans,
           list({role: role, start_bar: 1, end_bar: 4}) FILTER (start_bar = 1) AS at_once
    FROM map_span GROUP BY map
)
SELECT map, ledger.sounding_in(spans, first_bar, bars) AS sounding,
       ledger.sounding_in(coalesce(at_once, []), 1, 4) AS sounding_at_once
FROM span JOIN (SELECT map, min(bar) AS first_bar, count(*) AS bars FROM map_bar GROUP BY map) USING (map)
"""
_SEGMENTS: Final = f"""
CREATE OR REPLACE TEMP TABLE map_segment AS
SELECT map, CASE WHEN bar < 1 THEN -1 ELSE (bar - 1) // 4 END AS segment, min(bar) AS start_bar, max(bar) AS end_bar,
       {", ".join(f"round(avg({role}), 5)::FLOAT AS {role}" for role in ROLES)}
FROM map_bar GROUP BY ALL
"""
_SECTIONS: Final = f"""
CREATE OR REPLACE TEMP TABLE map_section AS
WITH border AS (SELECT map, [1, 17, 81, 113, 209, 241] AS bars, 8 * (hash(map) % 3)::INTEGER AS later FROM {_MAPS})
SELECT map, number::INTEGER AS section, ['intro', 'core', 'break', 'core', 'outro'][number + 1] AS label,
       (8 + hash(map, number) % 9) / 16 AS confidence,
       bars[number + 1] + CASE WHEN number > 0 THEN later ELSE 0 END AS start_bar,
       bars[number + 2] - 1 + CASE WHEN number < 4 THEN later ELSE 0 END AS end_bar
FROM border CROSS JOIN (SELECT range AS number FROM range(5))
"""
_PROBABILITIES: Final = f"""
CREATE OR REPLACE TEMP TABLE map_probability AS
SELECT map, list(CASE WHEN there THEN 35000 + chance % 65000 ELSE chance % 45000 END / 100000 ORDER BY place)::FLOAT[6]
       AS probabilities
FROM (SELECT map, place, hash(map, place, 'probability') AS chance,
             EXISTS (FROM map_span s WHERE s.map = m.map AND s.place = r.place) AS there
      FROM {_MAPS} m CROSS JOIN {_ROLES} r)
GROUP BY map
"""

# What is labelled, and by which map; a loop has the first segment of a map, and one role or two.
_ENTRIES: Final = """
CREATE OR REPLACE TEMP TABLE entry AS
SELECT nextval('ledger.label_number')::INTEGER AS label_id, *, (hash(label_key) % 1024)::INTEGER AS map,
       (hash(label_key, 'loop') >> 2)::BIGINT AS chance,
       CASE WHEN kind = 'oneshot' OR chance % 100 = 0 THEN NULL ELSE (8000 + chance % 9000) / 100 END AS bpm,
       (map % 8 = 0)::INTEGER + chance % 1000 / 1000 AS downbeat_bars
FROM (SELECT f.label_key, coalesce(any_value(f.kind), 'track') AS kind, min(f.track_id) AS number
      FROM ledger.file f ANTI JOIN ledger.quarantine q ON q.path = f.path ANTI JOIN ledger.label l USING (label_key)
      GROUP BY f.label_key ORDER BY number)
ORDER BY number
"""
_LABELS: Final = f"""
INSERT INTO ledger.label BY NAME
SELECT label_id, label_key, model_id, sha256('sound ' || label_key)[:32] AS audio_hash,
       CASE WHEN bpm IS NULL AND kind <> 'oneshot' THEN 'no_tempo' ELSE 'labelled' END AS status, kind,
       CASE kind WHEN 'oneshot' THEN 1.5 WHEN 'loop' THEN 960 / coalesce(bpm, 120)
           ELSE round((240 + downbeat_bars) * 240 / coalesce(bpm, 120), 3) END AS duration_s, bpm,
       CASE WHEN bpm IS NULL THEN NULL ELSE ['estimate', 'tag', 'filename'][1 + chance % 3] END AS bpm_source,
       CASE WHEN bpm IS NULL THEN NULL ELSE (50 + chance % 50) / 100 END AS bpm_confidence,
       CASE WHEN chance % 7 = 0 THEN bpm / 2 END AS bpm_alternative,
       CASE WHEN kind = 'track' THEN round(downbeat_bars * 240 / bpm, 6) WHEN bpm IS NOT NULL THEN 0 END
           AS first_downbeat_s,
       CASE WHEN chance % 9 > 0 THEN ['C', 'Db', 'D', 'Eb', 'E', 'F', 'F#', 'G', 'Ab', 'A', 'Bb', 'B'][1 + chance % 12]
           END AS "key",
       CASE WHEN "key" IS NULL THEN NULL WHEN chance % 5 < 3 THEN 'minor' ELSE 'major' END AS mode,
       CASE WHEN "key" IS NOT NULL THEN 'estimate' END AS key_source,
       CASE WHEN "key" IS NOT NULL THEN (30 + chance % 70) / 100 END AS key_confidence,
       CASE WHEN kind = 'track' THEN probabilities ELSE
           [{", ".join(f"CASE WHEN {n} IN (chance % 6, chance % 41) THEN .95 ELSE .02 END" for n in range(6))}] END
           AS probabilities,
       'one' AS run_id, now() AS labelled_at
FROM entry JOIN map_probability USING (map) CROSS JOIN (SELECT model_id FROM ledger.model WHERE active)
ORDER BY label_id
"""

_ON_GRID: Final = "entry e JOIN ledger.label l USING (label_id)"
_OF_KIND: Final = "l.bpm IS NOT NULL AND e.label_id BETWEEN $low AND $high AND (l.kind = 'track' OR {loop})"
_SEGMENT_ROWS: Final = f"""
INSERT INTO ledger.segment
SELECT label_id, segment, start_bar, end_bar, round(l.first_downbeat_s + (start_bar - 1) * 240 / l.bpm, 6),
       round(l.first_downbeat_s + end_bar * 240 / l.bpm, 6), {", ".join(ROLES)}
FROM {_ON_GRID} JOIN map_segment m USING (map)
WHERE {_OF_KIND.format(loop="segment = 0")} ORDER BY label_id, segment
"""
_BAR_ROWS: Final = f"""
INSERT INTO ledger.bars
SELECT label_id, CASE WHEN l.kind = 'track' THEN first_bar ELSE 1 END,
       {", ".join(f"CASE WHEN l.kind = 'track' THEN {c} ELSE {c}[2 - first_bar:5 - first_bar] END" for c in _LISTS)},
       CASE WHEN l.kind = 'track' THEN sounding ELSE sounding_at_once END
FROM {_ON_GRID} JOIN (
    SELECT map, min(bar) AS first_bar, list(level_db ORDER BY bar) AS level_db,
           list(ledger.packed([{", ".join(ROLES)}]) ORDER BY bar) AS activations
    FROM map_bar GROUP BY map) m USING (map) JOIN map_sounding USING (map)
WHERE {_OF_KIND.format(loop="true")} ORDER BY label_id
"""
_SPAN_ROWS: Final = f"""
INSERT INTO ledger.role_span
SELECT label_id, role, CASE WHEN l.kind = 'track' THEN start_bar ELSE 1 END,
       CASE WHEN l.kind = 'track' THEN end_bar ELSE 4 END
FROM {_ON_GRID} JOIN map_span m USING (map)
WHERE {_OF_KIND.format(loop="start_bar = 1")} ORDER BY label_id, role, start_bar
"""
_SECTION_ROWS: Final = f"""
INSERT INTO ledger.section BY NAME
SELECT label_id, section, label, confidence, start_bar, end_bar
FROM {_ON_GRID} JOIN map_section m USING (map)
WHERE {_OF_KIND.format(loop="false")} ORDER BY label_id, section
"""

_CORRECTED_ROLES: Final = """
INSERT INTO ledger.correction_role
SELECT DISTINCT audio_hash, ['vocal', 'bass', 'fx'][1 + label_id % 3], label_id % 2 = 0, now()
FROM ledger.label WHERE label_id % 101 < 2
"""
_CORRECTED_GRIDS: Final = """
INSERT INTO ledger.correction
SELECT DISTINCT audio_hash, CASE WHEN label_id % 3 > 0 THEN 120 END, CASE WHEN label_id % 2 = 0 THEN 0.25 END, now()
FROM ledger.label WHERE label_id % 211 = 5
"""
_WAITING: Final = """
UPDATE ledger.file SET content_hash = sha256(content_hash), label_key = sha256(label_key)[:32],
       shown_key = sha256(label_key)[:32]
WHERE track_id % 300 = 23
"""
_OLDER_LABELS: Final = """
INSERT INTO ledger.label BY NAME
SELECT nextval('ledger.label_number')::INTEGER AS label_id, (SELECT model_id FROM ledger.model WHERE NOT active)
           AS model_id, * EXCLUDE (label_id, model_id)
FROM ledger.label WHERE label_id % 97 = 3
"""
_CHANGE: Final = """
UPDATE ledger.file SET content_hash = sha256($night || content_hash), label_key = sha256($night || label_key)[:32],
       shown_key = sha256($night || label_key)[:32], run_id = $night, finding = 'changed'
WHERE track_id % greatest(1, (SELECT max(track_id) FROM ledger.file) // $changed) = 0
"""

if __name__ == "__main__":
    generate(Workspace(Path(os.environ["ROLECALL_WORKSPACE"])))
