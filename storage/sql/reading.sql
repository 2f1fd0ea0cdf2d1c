-- What the public views stand on. In the ledger these are views over its tables; the published catalogue holds their rows as
-- tables of the same names and columns, one row or more a path, so that no question has to join.
CREATE SCHEMA IF NOT EXISTS reading;

-- The paths that have labels by the active model and are not in quarantine.
CREATE OR REPLACE VIEW ledger.shown AS
SELECT f.track_id, f.path, l.*
FROM ledger.file f
JOIN ledger.label l ON l.label_key = f.shown_key
JOIN ledger.model m ON m.model_id = l.model_id AND m.active
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);

-- The paths that what follows is about: those in the variable `wanted`, a list of track ids; where it is not set, those from
-- `first_wanted` to `last_wanted`; and where neither is set, all.
CREATE OR REPLACE VIEW ledger.wanted AS
SELECT track_id FROM ledger.file
WHERE getvariable('wanted') IS NULL AND track_id >= coalesce(getvariable('first_wanted')::BIGINT, 0)
  AND track_id <= coalesce(getvariable('last_wanted')::BIGINT, 9223372036854775807)
UNION ALL
SELECT unnest(getvariable('wanted')::BIGINT[]);
CREATE OR REPLACE VIEW ledger.wanted_labels AS
SELECT l.* FROM ledger.shown l JOIN ledger.wanted w ON w.track_id = l.track_id;
-- What follows reads it without the name of a schema: a publication, which asks eight times, lets a temporary table stand in.
CREATE OR REPLACE VIEW wanted_labels AS FROM ledger.wanted_labels;
COMMENT ON VIEW wanted_labels IS 'The labels of the paths that a publication is about; of all paths where nothing is published.';

-- By the place of a role: the thresholds of each model, and what a person said of a sound.
CREATE OR REPLACE VIEW ledger.thresholds AS
SELECT model_id, list(threshold ORDER BY position) AS thresholds, list(unsure_low ORDER BY position) AS lows,
       list(unsure_high ORDER BY position) AS highs
FROM ledger.model_role GROUP BY model_id;
CREATE OR REPLACE VIEW ledger.said AS
SELECT audio_hash, list_transform(ledger.all_roles(), lambda role: said[role]) AS present
FROM (SELECT audio_hash, map_from_entries(list((role, present))) AS said FROM ledger.correction_role GROUP BY audio_hash);

-- A number that changes whenever anything changes that a path has in the published catalogue.
CREATE OR REPLACE VIEW ledger.fingerprints AS
SELECT f.track_id,
       hash(f.path, f.content_hash, f.kind, f.size, f.mtime_ns, f.identity, f.label_key, f.shown_key, q.path IS NULL,
            l.label_id, l.run_id, l.labelled_at, c.bpm, c.first_downbeat_s, p.present) AS fingerprint
FROM ledger.file f
JOIN ledger.wanted w ON w.track_id = f.track_id
LEFT JOIN ledger.quarantine q ON q.path = f.path
LEFT JOIN wanted_labels l ON l.track_id = f.track_id
LEFT JOIN ledger.correction c ON c.audio_hash = l.audio_hash
LEFT JOIN ledger.said p ON p.audio_hash = l.audio_hash;

-- What the spans and the sections of a path say of it as a whole.
CREATE OR REPLACE VIEW ledger.edges AS
SELECT l.track_id,
       min(start_bar) FILTER (role = 'percussion') AS in_start,
       arg_min(end_bar, start_bar) FILTER (role = 'percussion') AS first_end,
       min(start_bar) FILTER (role <> 'percussion') AS others_start,
       arg_max(start_bar, end_bar) FILTER (role = 'percussion') AS last_start,
       max(end_bar) FILTER (role = 'percussion') AS out_end,
       max(end_bar) FILTER (role <> 'percussion') AS others_end
FROM wanted_labels l JOIN ledger.role_span s ON s.label_id = l.label_id GROUP BY l.track_id;
CREATE OR REPLACE VIEW ledger.structures AS
SELECT l.track_id, count(*) AS sections, min(start_bar) FILTER (label = 'core') AS core_bar,
       sum(confidence * (end_bar - start_bar + 1)) / sum(end_bar - start_bar + 1) AS confidence
FROM wanted_labels l JOIN ledger.section s ON s.label_id = l.label_id GROUP BY l.track_id;

-- What the labels of a path say of it as a whole.
CREATE OR REPLACE VIEW ledger.summaries AS
WITH label AS (
    SELECT l.track_id, l.probabilities, m.thresholds, m.lows, m.highs, p.present
    FROM wanted_labels l
    LEFT JOIN ledger.thresholds m ON m.model_id = l.model_id
    LEFT JOIN ledger.said p ON p.audio_hash = l.audio_hash
)
SELECT track_id,
       CASE WHEN thresholds[1] IS NOT NULL THEN coalesce(present[1]::FLOAT, probabilities[1]) END AS bass,
       CASE WHEN thresholds[2] IS NOT NULL THEN coalesce(present[2]::FLOAT, probabilities[2]) END AS percussion,
       CASE WHEN thresholds[3] IS NOT NULL THEN coalesce(present[3]::FLOAT, probabilities[3]) END AS fx,
       CASE WHEN thresholds[4] IS NOT NULL THEN coalesce(present[4]::FLOAT, probabilities[4]) END AS melody,
       CASE WHEN thresholds[5] IS NOT NULL THEN coalesce(present[5]::FLOAT, probabilities[5]) END AS chords,
       CASE WHEN thresholds[6] IS NOT NULL THEN coalesce(present[6]::FLOAT, probabilities[6]) END AS vocal,
       ledger.bits_where(list_transform(thresholds, lambda t, n: coalesce(present[n], probabilities[n] >= t))) AS active,
       ledger.bits_where(list_transform(lows, lambda low, n:
           present[n] IS NULL AND probabilities[n] BETWEEN low AND highs[n])) AS unsure,
       ledger.bits_where(list_transform(thresholds, lambda t, n: present[n] IS NOT NULL)) AS corrected
FROM label;

CREATE OR REPLACE VIEW reading.track AS
SELECT f.track_id, f.path, f.content_hash, l.audio_hash, coalesce(l.kind, f.kind) AS kind, l.duration_s,
       coalesce(c.bpm, l.bpm) AS bpm,
       CASE WHEN c.bpm IS NOT NULL THEN 'person' ELSE l.bpm_source END AS bpm_source,
       CASE WHEN c.bpm IS NOT NULL THEN 1.0 ELSE l.bpm_confidence END AS bpm_confidence,
       l.bpm_alternative, CASE WHEN c.bpm IS NULL THEN l.half_time END AS half_time, c.bpm IS NOT NULL AS bpm_locked,
       coalesce(c.first_downbeat_s, l.first_downbeat_s) AS first_downbeat_s,
       CASE WHEN c.bpm IS NULL THEN l.bpm_drift END AS bpm_drift, l.bar_lines,
       l."key", l.mode, l.key_source, l.key_confidence, ledger.notes_of(l."key", l.mode)::TINYINT AS notes,
       CASE WHEN q.path IS NOT NULL THEN 'quarantined' ELSE coalesce(l.status, 'pending') END AS status,
       l.labelled_at, l.model_id, l.bpm AS grid_bpm, l.first_downbeat_s AS grid_downbeat_s,
       s.* EXCLUDE (track_id), r.sections::SMALLINT AS sections, r.confidence AS section_confidence,
       r.core_bar AS first_core_bar,
       e.in_start AS mix_in_start, least(e.first_end, coalesce(e.others_start - 1, e.first_end)) AS mix_in_end,
       greatest(e.last_start, coalesce(e.others_end + 1, e.last_start)) AS mix_out_start, e.out_end AS mix_out_end,
       f.size, f.mtime_ns, f.identity, f.label_key, f.shown_key, n.fingerprint
FROM ledger.file f
JOIN ledger.wanted w ON w.track_id = f.track_id
LEFT JOIN ledger.quarantine q ON q.path = f.path
LEFT JOIN wanted_labels l ON l.track_id = f.track_id
LEFT JOIN ledger.correction c ON c.audio_hash = l.audio_hash
LEFT JOIN ledger.summaries s ON s.track_id = f.track_id
LEFT JOIN ledger.structures r ON r.track_id = f.track_id
LEFT JOIN ledger.edges e ON e.track_id = f.track_id
LEFT JOIN ledger.fingerprints n ON n.track_id = f.track_id;
COMMENT ON VIEW reading.track IS 'One row a path: what is known of it as a whole. active, unsure and corrected are sets of roles, notes is the key as a number.';

CREATE OR REPLACE VIEW reading.segment AS
WITH last AS (
    SELECT s.label_id, max(s.segment) AS segment
    FROM wanted_labels l JOIN ledger.segment s ON s.label_id = l.label_id GROUP BY s.label_id
), label AS (
    SELECT l.track_id, l.path, l.label_id, last.segment AS last_segment,
           list_transform(m.thresholds, lambda t, n: CASE WHEN p.present[n] IS NOT DISTINCT FROM false THEN 2 ELSE t END)
               AS t,
           t[1] AS bass, t[2] AS percussion, t[3] AS fx, t[4] AS melody, t[5] AS chords, t[6] AS vocal
    FROM wanted_labels l JOIN ledger.thresholds m USING (model_id) JOIN last ON last.label_id = l.label_id
    LEFT JOIN ledger.said p ON p.audio_hash = l.audio_hash
)
SELECT l.track_id, l.path, s.segment::SMALLINT AS segment,
       (l.last_segment - s.segment)::SMALLINT AS from_end,
       s.start_bar::SMALLINT AS start_bar, s.end_bar::SMALLINT AS end_bar, s.start_s, s.end_s,
       s.bass, s.percussion, s.fx, s.melody, s.chords, s.vocal,
       (coalesce(s.bass >= l.bass, false)::UTINYINT + 2 * coalesce(s.percussion >= l.percussion, false)::UTINYINT
        + 4 * coalesce(s.fx >= l.fx, false)::UTINYINT + 8 * coalesce(s.melody >= l.melody, false)::UTINYINT
        + 16 * coalesce(s.chords >= l.chords, false)::UTINYINT + 32 * coalesce(s.vocal >= l.vocal, false)::UTINYINT
       )::UTINYINT AS active
FROM label l JOIN ledger.segment s ON s.label_id = l.label_id;
COMMENT ON VIEW reading.segment IS 'One row a path x four bars; active is the set of roles that reach the threshold of the model, without those that a person ruled out.';

-- A list has one number a bar, from first_bar on.
CREATE OR REPLACE VIEW reading.bars AS
SELECT l.track_id, l.path, l.first_downbeat_s, l.bpm, l.duration_s, b.first_bar, b.level_db, b.activations,
       b.sounding,
       l.bar_lines.times_s[b.first_bar - l.bar_lines.first_bar + 1 : b.first_bar - l.bar_lines.first_bar + 1 + len(b.level_db)]
           AS lines_s
FROM wanted_labels l JOIN ledger.bars b ON b.label_id = l.label_id;
COMMENT ON VIEW reading.bars IS 'One row a path with a map: for each bar the level, the raw activations in one number and the set of roles that sound; lines_s are its bar lines where the tempo drifts.';

CREATE OR REPLACE VIEW reading.role_span AS
SELECT l.track_id, l.path, l.first_downbeat_s, l.bpm, l.duration_s, s.role, s.start_bar::SMALLINT AS start_bar,
       s.end_bar::SMALLINT AS end_bar, ledger.bar_start(l.bar_lines, s.start_bar) AS start_s,
       ledger.bar_start(l.bar_lines, s.end_bar + 1) AS end_s
FROM wanted_labels l JOIN ledger.role_span s ON s.label_id = l.label_id;
COMMENT ON VIEW reading.role_span IS 'One row a stretch of bars in which a role sounds; start_s and end_s where the tempo drifts.';

CREATE OR REPLACE VIEW reading.section AS
SELECT l.track_id, l.path, l.first_downbeat_s, l.bpm, l.duration_s, s.section::SMALLINT AS section, s.label, s.confidence,
       s.start_bar::SMALLINT AS start_bar, s.end_bar::SMALLINT AS end_bar, s.border_confidence,
       ledger.bar_start(l.bar_lines, s.start_bar) AS start_s, ledger.bar_start(l.bar_lines, s.end_bar + 1) AS end_s
FROM wanted_labels l JOIN ledger.section s ON s.label_id = l.label_id;
COMMENT ON VIEW reading.section IS 'One row a run of bars with one meaning; start_s and end_s where the tempo drifts.';
