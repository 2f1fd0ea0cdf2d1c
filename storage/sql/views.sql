-- The public views: what people query. Replaced as a whole whenever the ledger is opened.
CREATE OR REPLACE VIEW models AS
SELECT model_id, name, network, pooling, loss, weights_digest, dataset_digest, parameters,
       macro_pr_auc, macro_roc_auc, active, created_at
FROM ledger.model;
COMMENT ON VIEW models IS 'A model: what it is, what it was trained on, how good it was on its test split; one is active.';

-- What the other views share: the paths that have labels by the active model and are not in quarantine.
CREATE OR REPLACE VIEW ledger.shown AS
SELECT f.track_id, f.path, l.*
FROM ledger.file f
JOIN ledger.label l ON l.label_key = f.shown_key
JOIN ledger.model m ON m.model_id = l.model_id AND m.active
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);

-- What is said of the roles of a path, in the order of model_role.position: what a person said, else the model. A set of
-- roles is a number here, in which bit n stands for position n + 1.
CREATE OR REPLACE MACRO ledger.bits_of(flags) AS (
    list_sum(list_transform(flags, lambda flag, place: CASE WHEN flag THEN 1 << (place - 1) ELSE 0 END))::UTINYINT
);
CREATE OR REPLACE MACRO ledger.roles_of(bits) AS (
    list_filter(['bass', 'percussion', 'fx', 'melody', 'chords', 'vocal'],
        lambda role, place: (bits >> (place - 1)::UTINYINT) & 1 = 1)
);
CREATE OR REPLACE VIEW ledger.role_answers AS
WITH model AS (
    SELECT model_id, list(threshold ORDER BY position) AS thresholds, list(unsure_low ORDER BY position) AS lows,
           list(unsure_high ORDER BY position) AS highs
    FROM ledger.model_role GROUP BY model_id
), person AS (
    SELECT audio_hash,
           [bool_or(present) FILTER (role = 'bass'), bool_or(present) FILTER (role = 'percussion'),
            bool_or(present) FILTER (role = 'fx'), bool_or(present) FILTER (role = 'melody'),
            bool_or(present) FILTER (role = 'chords'), bool_or(present) FILTER (role = 'vocal')] AS said
    FROM ledger.correction_role GROUP BY audio_hash
)
SELECT l.track_id,
       list_transform(m.thresholds, lambda t, n: coalesce(p.said[n]::FLOAT, l.probabilities[n])) AS probabilities,
       ledger.bits_of(list_transform(m.thresholds, lambda t, n: coalesce(p.said[n], l.probabilities[n] >= t))) AS active,
       ledger.bits_of(list_transform(m.lows, lambda low, n:
           p.said[n] IS NULL AND l.probabilities[n] BETWEEN low AND m.highs[n])) AS unsure,
       ledger.bits_of(list_transform(m.thresholds, lambda t, n: p.said[n] IS NOT NULL)) AS corrected
FROM ledger.shown l JOIN model m USING (model_id) LEFT JOIN person p USING (audio_hash);

-- Where a map begins and ends on percussion alone, and what its sections say of it as a whole.
CREATE OR REPLACE VIEW ledger.map_edges AS
SELECT label_id,
       min(start_bar) FILTER (role = 'percussion') AS in_start,
       arg_min(end_bar, start_bar) FILTER (role = 'percussion') AS first_end,
       min(start_bar) FILTER (role <> 'percussion') AS others_start,
       arg_max(start_bar, end_bar) FILTER (role = 'percussion') AS last_start,
       max(end_bar) FILTER (role = 'percussion') AS out_end,
       max(end_bar) FILTER (role <> 'percussion') AS others_end,
       least(first_end, coalesce(others_start - 1, first_end)) AS in_end,
       greatest(last_start, coalesce(others_end + 1, last_start)) AS out_start
FROM ledger.role_span GROUP BY label_id;
CREATE OR REPLACE VIEW ledger.map_sections AS
SELECT label_id, count(*) AS sections, sum(confidence * (end_bar - start_bar + 1)) / sum(end_bar - start_bar + 1) AS confidence,
       min(start_bar) FILTER (label = 'core') AS core_bar
FROM ledger.section GROUP BY label_id;

CREATE OR REPLACE VIEW tracks AS
SELECT f.track_id, f.path, f.content_hash, l.audio_hash,
       coalesce(l.kind, f.kind) AS kind,
       l.duration_s,
       coalesce(c.bpm, l.bpm) AS bpm,
       CASE WHEN c.bpm IS NOT NULL THEN 'person' ELSE l.bpm_source END AS bpm_source,
       CASE WHEN c.bpm IS NOT NULL THEN 1.0 ELSE l.bpm_confidence END AS bpm_confidence,
       l.bpm_alternative,
       c.bpm IS NOT NULL AS bpm_locked,
       coalesce(c.first_downbeat_s, l.first_downbeat_s) AS first_downbeat_s,
       l."key", l.mode, l.key_source, l.key_confidence,
       CASE WHEN q.path IS NOT NULL THEN 'quarantined' ELSE coalesce(l.status, 'pending') END AS status,
       l.labelled_at,
       a.probabilities[1] AS bass, a.probabilities[2] AS percussion, a.probabilities[3] AS fx,
       a.probabilities[4] AS melody, a.probabilities[5] AS chords, a.probabilities[6] AS vocal,
       ledger.roles_of(a.active) AS roles, ledger.roles_of(a.unsure) AS unsure, ledger.roles_of(a.corrected) AS corrected,
       s.sections::INTEGER AS sections, s.confidence AS section_confidence, s.core_bar AS first_core_bar,
       CASE WHEN e.in_end - e.in_start >= 7 THEN e.in_end - e.in_start + 1 ELSE 0 END AS mix_in_bars,
       CASE WHEN e.out_end - e.out_start >= 7 THEN e.out_end - e.out_start + 1 ELSE 0 END AS mix_out_bars
FROM ledger.file f
LEFT JOIN ledger.quarantine q ON q.path = f.path
LEFT JOIN ledger.shown l ON l.track_id = f.track_id
LEFT JOIN ledger.correction c ON c.audio_hash = l.audio_hash
LEFT JOIN ledger.role_answers a ON a.track_id = f.track_id
LEFT JOIN ledger.map_sections s ON s.label_id = l.label_id
LEFT JOIN ledger.map_edges e ON e.label_id = l.label_id;
COMMENT ON VIEW tracks IS 'A path known to the catalogue: a loop, a track or a one-shot, which has roles and no tempo; tempo in beats per minute, times in seconds.';

CREATE OR REPLACE VIEW roles AS
SELECT l.track_id, l.path, r.role,
       CASE WHEN c.present IS NULL THEN l.probabilities[r.position] ELSE CAST(c.present AS FLOAT) END AS probability,
       coalesce(c.present, l.probabilities[r.position] >= r.threshold) AS active,
       c.present IS NULL AND l.probabilities[r.position] BETWEEN r.unsure_low AND r.unsure_high AS unsure,
       CASE WHEN c.present IS NULL THEN 'model' ELSE 'person' END AS source,
       l.model_id
FROM ledger.shown l
JOIN ledger.model_role r ON r.model_id = l.model_id
LEFT JOIN ledger.correction_role c ON c.audio_hash = l.audio_hash AND c.role = r.role;
COMMENT ON VIEW roles IS
    'How likely each role is in each path: what a person said, else the active model; active and unsure by its thresholds.';

CREATE OR REPLACE VIEW segments AS
SELECT l.track_id, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s,
       s.bass, s.percussion, s.fx, s.melody, s.chords, s.vocal
FROM ledger.shown l JOIN ledger.segment s ON s.label_id = l.label_id;
COMMENT ON VIEW segments IS 'A track x four bars, one column per role: the fast one. Segments from 0, bars from 1, end_bar included.';

-- One branch a role: a question about one role reads that column alone, and a question about all is three times as
-- fast as with an array or a CASE (tests/benchmarks/test_catalogue.py).
CREATE OR REPLACE VIEW iram AS
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
COMMENT ON VIEW iram IS
    'The instrumentation role activation map in long form: a track x four bars x role; a role that a person ruled out is never active.';

-- Seconds from bars: bar n begins at first_downbeat_s + (n - 1) bars; a track is cut at its ends.
CREATE OR REPLACE VIEW bars AS
WITH bar AS (
    SELECT l.track_id, l.first_downbeat_s, 240.0 / l.bpm AS bar_s, l.duration_s,
           unnest(range(b.first_bar, b.first_bar + len(b.bass)))::INTEGER AS bar,
           unnest(b.level_db) AS level_db, unnest(b.bass) AS bass, unnest(b.percussion) AS percussion,
           unnest(b.fx) AS fx, unnest(b.melody) AS melody, unnest(b.chords) AS chords, unnest(b.vocal) AS vocal
    FROM ledger.shown l JOIN ledger.bars b ON b.label_id = l.label_id
)
SELECT track_id, bar, greatest(first_downbeat_s + (bar - 1) * bar_s, 0) AS start_s,
       least(first_downbeat_s + bar * bar_s, duration_s) AS end_s,
       level_db, bass, percussion, fx, melody, chords, vocal
FROM bar;
COMMENT ON VIEW bars IS 'A track x bar: raw activations, one column per role, and the level in dB under the loudest quarter of the track.';

CREATE OR REPLACE VIEW role_spans AS
SELECT l.track_id, l.path, s.role, s.start_bar, s.end_bar,
       greatest(l.first_downbeat_s + (s.start_bar - 1) * 240.0 / l.bpm, 0) AS start_s,
       least(l.first_downbeat_s + s.end_bar * 240.0 / l.bpm, l.duration_s) AS end_s
FROM ledger.shown l JOIN ledger.role_span s ON s.label_id = l.label_id;
COMMENT ON VIEW role_spans IS 'From which bar to which a role sounds in a track: the activations of its bars, smoothed so that changes prefer bars 1, 5, 9, ...';

CREATE OR REPLACE VIEW stays AS FROM role_spans;
COMMENT ON VIEW stays IS 'The old name of role_spans; the next version drops it.';

CREATE OR REPLACE VIEW sections AS
SELECT l.track_id, l.path, s.section, s.label, s.confidence, s.start_bar, s.end_bar,
       greatest(l.first_downbeat_s + (s.start_bar - 1) * 240.0 / l.bpm, 0) AS start_s,
       least(l.first_downbeat_s + s.end_bar * 240.0 / l.bpm, l.duration_s) AS end_s,
       s.border_confidence, CASE s.label WHEN 'core' THEN s.start_bar END AS drop_bar
FROM ledger.shown l JOIN ledger.section s ON s.label_id = l.label_id;
COMMENT ON VIEW sections IS 'A run of bars with one meaning: intro, build, core (the drop), break, outro; confidence is how likely the label is.';

CREATE OR REPLACE VIEW errors AS
SELECT path, stage, reason, message, attempts, retryable, run_id, last_seen FROM ledger.quarantine;
COMMENT ON VIEW errors IS 'A file in quarantine: the stage that gave it up, a reason code, and a sentence.';

CREATE OR REPLACE VIEW runs AS
SELECT run_id, flow, started_at, ended_at, state,
       found, labelled, unchanged, duplicate, quarantined, known_bad, decoded
FROM ledger.run;
COMMENT ON VIEW runs IS 'A run; found = labelled + unchanged + duplicate + quarantined + known_bad.';

CREATE OR REPLACE VIEW lineage AS
SELECT m.model_id, m.weights_digest, m.dataset_digest, s.source, s.licence, s.loops
FROM ledger.model m JOIN ledger.model_source s ON s.model_id = m.model_id;
COMMENT ON VIEW lineage IS 'What the labels of a model descend from: weights, data set, and its loops by source and licence.';
