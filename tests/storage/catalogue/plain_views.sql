-- The plain definition of each public view over the ledger's own tables: what every answer must equal.
CREATE SCHEMA plain;

CREATE OR REPLACE VIEW plain.tracks AS
SELECT f.track_id, f.path, f.content_hash, l.audio_hash,
       coalesce(l.kind, f.kind) AS kind,
       l.duration_s,
       coalesce(c.bpm, l.bpm) AS bpm,
       CASE WHEN c.bpm IS NOT NULL THEN 'person' ELSE l.bpm_source END AS bpm_source,
       CASE WHEN c.bpm IS NOT NULL THEN 1.0 ELSE l.bpm_confidence END AS bpm_confidence,
       l.bpm_alternative,
       CASE WHEN c.bpm IS NULL THEN l.half_time END AS half_time,
       c.bpm IS NOT NULL AS bpm_locked,
       coalesce(c.first_downbeat_s, l.first_downbeat_s) AS first_downbeat_s,
       l."key", l.mode, l.key_source, l.key_confidence,
       CASE WHEN q.path IS NOT NULL THEN 'quarantined' ELSE coalesce(l.status, 'pending') END AS status,
       l.labelled_at
FROM ledger.file f
LEFT JOIN ledger.quarantine q ON q.path = f.path
LEFT JOIN ledger.shown l ON l.track_id = f.track_id
LEFT JOIN ledger.correction c ON c.audio_hash = l.audio_hash;

CREATE OR REPLACE VIEW plain.roles AS
SELECT l.track_id, l.path, r.role,
       CASE WHEN c.present IS NULL THEN l.probabilities[r.position] ELSE CAST(c.present AS FLOAT) END AS probability,
       coalesce(c.present, l.probabilities[r.position] >= r.threshold) AS active,
       c.present IS NULL AND l.probabilities[r.position] BETWEEN r.unsure_low AND r.unsure_high AS unsure,
       CASE WHEN c.present IS NULL THEN 'model' ELSE 'person' END AS source,
       l.model_id
FROM ledger.shown l
JOIN ledger.model_role r ON r.model_id = l.model_id
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = r.role;

CREATE OR REPLACE VIEW plain.segments AS
SELECT l.track_id, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s,
       s.bass, s.percussion, s.fx, s.melody, s.chords, s.vocal
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id;

CREATE OR REPLACE VIEW plain.iram AS
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'bass' AS role, s.bass AS activation,
       s.bass >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'bass'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'bass'
UNION ALL
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'percussion' AS role, s.percussion AS activation,
       s.percussion >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'percussion'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'percussion'
UNION ALL
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'fx' AS role, s.fx AS activation,
       s.fx >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'fx'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'fx'
UNION ALL
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'melody' AS role, s.melody AS activation,
       s.melody >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'melody'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'melody'
UNION ALL
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'chords' AS role, s.chords AS activation,
       s.chords >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'chords'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'chords'
UNION ALL
SELECT l.track_id, l.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, 'vocal' AS role, s.vocal AS activation,
       s.vocal >= r.threshold AND coalesce(c.present, true) AS active, l.model_id
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id
JOIN ledger.model_role r ON r.model_id = l.model_id AND r.role = 'vocal'
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = 'vocal';

CREATE OR REPLACE VIEW plain.bars AS
WITH bar AS (
    SELECT l.track_id, l.first_downbeat_s, 240.0 / l.bpm AS bar_s, l.duration_s,
           unnest(range(b.first_bar, b.first_bar + len(b.level_db)))::INTEGER AS bar,
           unnest(b.level_db) AS level_db, unnest(b.activations) AS packed
    FROM ledger.shown l JOIN ledger.bars b ON b.label_id = l.label_id
)
SELECT track_id, bar, greatest(first_downbeat_s + (bar - 1) * bar_s, 0) AS start_s,
       least(first_downbeat_s + bar * bar_s, duration_s) AS end_s,
       level_db, (packed % 1024 / 1000)::FLOAT AS bass, (packed // 1024 % 1024 / 1000)::FLOAT AS percussion,
       (packed // 1048576 % 1024 / 1000)::FLOAT AS fx, (packed // 1073741824 % 1024 / 1000)::FLOAT AS melody,
       (packed // 1099511627776 % 1024 / 1000)::FLOAT AS chords,
       (packed // 1125899906842624 % 1024 / 1000)::FLOAT AS vocal
FROM bar;

CREATE OR REPLACE VIEW plain.role_spans AS
SELECT l.track_id, l.path, s.role, s.start_bar, s.end_bar,
       greatest(l.first_downbeat_s + (s.start_bar - 1) * 240.0 / l.bpm, 0) AS start_s,
       least(l.first_downbeat_s + s.end_bar * 240.0 / l.bpm, l.duration_s) AS end_s
FROM ledger.shown l JOIN ledger.role_span s ON s.label_id = l.label_id;

CREATE OR REPLACE VIEW plain.sections AS
SELECT l.track_id, l.path, s.section, s.label, s.confidence, s.start_bar, s.end_bar,
       greatest(l.first_downbeat_s + (s.start_bar - 1) * 240.0 / l.bpm, 0) AS start_s,
       least(l.first_downbeat_s + s.end_bar * 240.0 / l.bpm, l.duration_s) AS end_s,
       s.border_confidence, CASE s.label WHEN 'core' THEN s.start_bar END AS drop_bar
FROM ledger.shown l JOIN ledger.section s ON s.label_id = l.label_id;

CREATE OR REPLACE VIEW plain.bar_roles AS
WITH bar AS (
    SELECT l.track_id, l.label_id, l.path,
           unnest(range(b.first_bar, b.first_bar + len(b.level_db)))::INTEGER AS bar
    FROM ledger.shown l JOIN ledger.bars b ON b.label_id = l.label_id
)
SELECT bar.track_id, bar.path, bar.bar,
       coalesce(bool_or(s.role = 'bass'), false) AS bass,
       coalesce(bool_or(s.role = 'percussion'), false) AS percussion,
       coalesce(bool_or(s.role = 'fx'), false) AS fx,
       coalesce(bool_or(s.role = 'melody'), false) AS melody,
       coalesce(bool_or(s.role = 'chords'), false) AS chords,
       coalesce(bool_or(s.role = 'vocal'), false) AS vocal
FROM bar LEFT JOIN ledger.role_span s ON s.label_id = bar.label_id AND bar.bar BETWEEN s.start_bar AND s.end_bar
GROUP BY bar.track_id, bar.path, bar.bar;

CREATE OR REPLACE VIEW plain.energy AS
SELECT b.track_id, b.bar, b.start_s, b.end_s, b.level_db,
       s.bass::TINYINT + s.percussion::TINYINT + s.fx::TINYINT + s.melody::TINYINT + s.chords::TINYINT
           + s.vocal::TINYINT AS roles,
       round(greatest(0, least(1, 1 + b.level_db / 12)), 3) AS energy
FROM plain.bars b JOIN plain.bar_roles s USING (track_id, bar);

CREATE OR REPLACE VIEW plain.mix_in AS
WITH edge AS (
    SELECT track_id, path,
           min(start_bar) FILTER (role = 'percussion') AS start_bar,
           arg_min(end_bar, start_bar) FILTER (role = 'percussion') AS end_bar,
           min(start_bar) FILTER (role <> 'percussion') AS others
    FROM plain.role_spans GROUP BY ALL
)
SELECT track_id, path, start_bar, least(end_bar, coalesce(others - 1, end_bar)) AS end_bar,
       least(end_bar, coalesce(others - 1, end_bar)) - start_bar + 1 AS bars
FROM edge WHERE least(end_bar, coalesce(others - 1, end_bar)) - start_bar + 1 >= 8;

CREATE OR REPLACE VIEW plain.mix_out AS
WITH edge AS (
    SELECT track_id, path,
           arg_max(start_bar, end_bar) FILTER (role = 'percussion') AS start_bar,
           max(end_bar) FILTER (role = 'percussion') AS end_bar,
           max(end_bar) FILTER (role <> 'percussion') AS others
    FROM plain.role_spans GROUP BY ALL
)
SELECT track_id, path, greatest(start_bar, coalesce(others + 1, start_bar)) AS start_bar, end_bar,
       end_bar - greatest(start_bar, coalesce(others + 1, start_bar)) + 1 AS bars
FROM edge WHERE end_bar - greatest(start_bar, coalesce(others + 1, start_bar)) + 1 >= 8;

CREATE OR REPLACE VIEW plain.first_core AS
SELECT track_id, path, min(start_bar) AS bar, min(start_s) AS start_s
FROM plain.sections WHERE label = 'core' GROUP BY ALL;

CREATE OR REPLACE MACRO plain.compatible_loops(id) AS TABLE
WITH active AS (SELECT track_id, list(role ORDER BY role) AS roles FROM plain.roles WHERE active GROUP BY track_id),
asked AS (SELECT t.*, a.roles FROM plain.tracks t LEFT JOIN active a USING (track_id) WHERE t.track_id = id),
speed AS (
    SELECT t.track_id, t.path, t.bpm, t."key", t.mode, a.roles, asked.bpm * octave.ratio / t.bpm AS stretch,
           ledger.notes_of(t."key", t.mode) AS notes, ledger.notes_of(asked."key", asked.mode) AS asked_notes,
           asked.roles AS asked_roles
    FROM plain.tracks t JOIN active a USING (track_id) CROSS JOIN asked
    CROSS JOIN (VALUES (0.5), (1.0), (2.0)) AS octave(ratio)
    WHERE t.kind = 'loop' AND t.track_id <> id
)
SELECT track_id, path, bpm, round(stretch, 4) AS stretch, "key", mode, roles,
       CASE WHEN notes = asked_notes THEN 'same notes' ELSE 'unknown' END AS key_match
FROM speed
WHERE stretch BETWEEN 0.88 AND 1.12
  AND (notes = asked_notes OR notes IS NULL OR asked_notes IS NULL OR roles = ['percussion'])
  AND NOT list_has_any(roles, coalesce(asked_roles, []))
ORDER BY asked_notes IS NOT NULL AND notes IS NULL AND roles <> ['percussion'], abs(stretch - 1), path;
