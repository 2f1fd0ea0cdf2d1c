-- The public views: what people query. Replaced as a whole at every migration.
CREATE OR REPLACE VIEW models AS
SELECT model_id, name, network, pooling, loss, weights_digest, dataset_digest, parameters,
       macro_pr_auc, macro_roc_auc, active, created_at
FROM ledger.model;
COMMENT ON VIEW models IS 'A model: what it is, what it was trained on, how good it was on its test split; one is active.';

CREATE OR REPLACE VIEW tracks AS
SELECT f.track_id, f.path, f.content_hash,
       coalesce(l.kind, f.kind) AS kind,
       l.duration_s, l.bpm, l.bpm_source, l.bpm_confidence, l.bpm_alternative,
       false AS bpm_locked,
       l.first_downbeat_s,
       CAST(NULL AS VARCHAR) AS "key", CAST(NULL AS VARCHAR) AS mode,
       CAST(NULL AS VARCHAR) AS key_source, CAST(NULL AS DOUBLE) AS key_confidence,
       CASE WHEN q.path IS NOT NULL THEN 'quarantined' ELSE coalesce(l.status, 'pending') END AS status,
       l.labelled_at
FROM ledger.file f
LEFT JOIN ledger.quarantine q ON q.path = f.path
LEFT JOIN (SELECT l.* FROM ledger.label l JOIN ledger.model m ON m.model_id = l.model_id AND m.active) l
       ON l.label_key = f.label_key AND q.path IS NULL;
COMMENT ON VIEW tracks IS 'A path known to the catalogue, loop or track; tempo in beats per minute, times in seconds.';

CREATE OR REPLACE VIEW roles AS
SELECT f.track_id, f.path, r.role,
       l.probabilities[r.position] AS probability,
       l.probabilities[r.position] >= r.threshold AS active,
       l.probabilities[r.position] BETWEEN r.unsure_low AND r.unsure_high AS unsure,
       'model' AS source,
       l.model_id
FROM ledger.file f
JOIN ledger.label l ON l.label_key = f.label_key
JOIN ledger.model m ON m.model_id = l.model_id AND m.active
JOIN ledger.model_role r ON r.model_id = l.model_id
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);
COMMENT ON VIEW roles IS 'How likely each role is in each path, by the active model; active and unsure by its thresholds.';

CREATE OR REPLACE VIEW segments AS
SELECT f.track_id, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s,
       s.activations[1] AS bass, s.activations[2] AS percussion, s.activations[3] AS fx,
       s.activations[4] AS melody, s.activations[5] AS chords, s.activations[6] AS vocal
FROM ledger.file f
JOIN ledger.segment s ON s.label_key = f.label_key
JOIN ledger.model m ON m.model_id = s.model_id AND m.active
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);
COMMENT ON VIEW segments IS 'A track x four bars, one column per role: the fast one. Segments from 0, bars from 1, end_bar included.';

CREATE OR REPLACE VIEW iram AS
SELECT f.track_id, f.path, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s, r.role,
       s.activations[r.position] AS activation,
       s.activations[r.position] >= r.threshold AS active,
       s.model_id
FROM ledger.file f
JOIN ledger.segment s ON s.label_key = f.label_key
JOIN ledger.model m ON m.model_id = s.model_id AND m.active
JOIN ledger.model_role r ON r.model_id = s.model_id
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);
COMMENT ON VIEW iram IS 'The instrumentation role activation map in long form: a track x four bars x role.';

CREATE OR REPLACE VIEW sections AS
SELECT f.track_id, f.path, s.section, s.label, s.confidence, s.start_bar, s.end_bar, s.start_s, s.end_s
FROM ledger.file f
JOIN ledger.section s ON s.label_key = f.label_key
JOIN ledger.model m ON m.model_id = s.model_id AND m.active
WHERE NOT EXISTS (FROM ledger.quarantine q WHERE q.path = f.path);
COMMENT ON VIEW sections IS 'A run of bars with one meaning.';

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
