-- The public views: what people query. The ledger and the published catalogue have the same ones.
CREATE OR REPLACE VIEW models AS
SELECT model_id, name, network, pooling, loss, weights_digest, dataset_digest, parameters,
       macro_pr_auc, macro_roc_auc, active, created_at
FROM ledger.model;
COMMENT ON VIEW models IS 'A model: what it is, what it was trained on, how good it was on its test split; one is active.';

CREATE OR REPLACE VIEW tracks AS
SELECT track_id, path, content_hash, audio_hash, kind, duration_s, bpm, bpm_source, bpm_confidence, bpm_alternative,
       half_time, bpm_drift, bpm_locked, first_downbeat_s, "key", mode, key_source, key_confidence, status, labelled_at,
       bass, percussion, fx, melody, chords, vocal,
       ledger.roles_of(active) AS roles, ledger.roles_of(unsure) AS unsure_roles,
       ledger.roles_of(corrected) AS corrected_roles,
       sections::INTEGER AS section_count, section_confidence, first_core_bar,
       CASE WHEN mix_in_end - mix_in_start >= 7 THEN mix_in_end - mix_in_start + 1 ELSE 0 END AS mix_in_bars,
       CASE WHEN mix_out_end - mix_out_start >= 7 THEN mix_out_end - mix_out_start + 1 ELSE 0 END AS mix_out_bars
FROM reading.track;
COMMENT ON VIEW tracks IS 'A path known to the catalogue: a loop, a track or a one-shot, which has roles and no tempo; tempo in beats per minute, times in seconds.';

-- One branch a role here and in iram: a question about one role reads the columns of that role alone.
CREATE OR REPLACE VIEW roles AS
SELECT track_id, path, 'bass' AS role, bass AS probability, (active & 1) <> 0 AS active, (unsure & 1) <> 0 AS unsure,
       CASE WHEN (corrected & 1) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE bass IS NOT NULL
UNION ALL
SELECT track_id, path, 'percussion' AS role, percussion AS probability, (active & 2) <> 0 AS active, (unsure & 2) <> 0 AS unsure,
       CASE WHEN (corrected & 2) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE percussion IS NOT NULL
UNION ALL
SELECT track_id, path, 'fx' AS role, fx AS probability, (active & 4) <> 0 AS active, (unsure & 4) <> 0 AS unsure,
       CASE WHEN (corrected & 4) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE fx IS NOT NULL
UNION ALL
SELECT track_id, path, 'melody' AS role, melody AS probability, (active & 8) <> 0 AS active, (unsure & 8) <> 0 AS unsure,
       CASE WHEN (corrected & 8) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE melody IS NOT NULL
UNION ALL
SELECT track_id, path, 'chords' AS role, chords AS probability, (active & 16) <> 0 AS active, (unsure & 16) <> 0 AS unsure,
       CASE WHEN (corrected & 16) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE chords IS NOT NULL
UNION ALL
SELECT track_id, path, 'vocal' AS role, vocal AS probability, (active & 32) <> 0 AS active, (unsure & 32) <> 0 AS unsure,
       CASE WHEN (corrected & 32) = 0 THEN 'model' ELSE 'person' END AS source, model_id
FROM reading.track WHERE vocal IS NOT NULL;
COMMENT ON VIEW roles IS
    'How likely each role is in each path: what a person said, else the active model; active and unsure by its thresholds.';

CREATE OR REPLACE VIEW segments AS
SELECT track_id, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       bass, percussion, fx, melody, chords, vocal, from_end::INTEGER AS from_end
FROM reading.segment;
COMMENT ON VIEW segments IS 'A track x four bars, one column per role: the fast one. Segments from 0, bars from 1, end_bar included.';

CREATE OR REPLACE MACRO ledger.active_model() AS (SELECT model_id FROM ledger.model WHERE active);

CREATE OR REPLACE VIEW iram AS
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'bass' AS role, bass AS activation, (active & 1) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment
UNION ALL
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'percussion' AS role, percussion AS activation, (active & 2) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment
UNION ALL
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'fx' AS role, fx AS activation, (active & 4) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment
UNION ALL
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'melody' AS role, melody AS activation, (active & 8) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment
UNION ALL
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'chords' AS role, chords AS activation, (active & 16) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment
UNION ALL
SELECT track_id, path, segment::INTEGER AS segment, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar, start_s, end_s,
       'vocal' AS role, vocal AS activation, (active & 32) <> 0 AS active, ledger.active_model() AS model_id, from_end::INTEGER AS from_end
FROM reading.segment;
COMMENT ON VIEW iram IS
    'The instrumentation role activation map in long form: a track x four bars x role; a role that a person ruled out is never active.';

-- Seconds from bars: bar n begins at first_downbeat_s + (n - 1) bars, or, where the tempo drifts, at its own bar line; a track
-- is cut at its ends.
CREATE OR REPLACE VIEW bars AS
WITH bar AS (
    SELECT track_id, first_downbeat_s, 240.0 / bpm AS bar_s, duration_s,
           unnest(range(first_bar, first_bar + len(level_db)))::INTEGER AS bar,
           unnest(level_db) AS level_db, unnest(activations) AS activations,
           unnest(lines_s[:-2]) AS line_s, unnest(lines_s[2:]) AS next_line_s
    FROM reading.bars
)
SELECT track_id, bar, greatest(coalesce(line_s, first_downbeat_s + (bar - 1) * bar_s), 0) AS start_s,
       least(coalesce(next_line_s, first_downbeat_s + bar * bar_s), duration_s) AS end_s,
       level_db, ledger.activation_of(activations, 1) AS bass, ledger.activation_of(activations, 2) AS percussion,
       ledger.activation_of(activations, 3) AS fx, ledger.activation_of(activations, 4) AS melody,
       ledger.activation_of(activations, 5) AS chords, ledger.activation_of(activations, 6) AS vocal
FROM bar;
COMMENT ON VIEW bars IS 'A track x bar: raw activations, one column per role, and the level in dB under the loudest quarter of the track.';

CREATE OR REPLACE VIEW role_spans AS
SELECT track_id, path, role, start_bar::INTEGER AS start_bar, end_bar::INTEGER AS end_bar,
       greatest(coalesce(start_s, first_downbeat_s + (start_bar - 1) * 240.0 / bpm), 0) AS start_s,
       least(coalesce(end_s, first_downbeat_s + end_bar * 240.0 / bpm), duration_s) AS end_s
FROM reading.role_span;
COMMENT ON VIEW role_spans IS 'From which bar to which a role sounds in a track: the activations of its bars, smoothed so that changes prefer bars 1, 5, 9, ...';

CREATE OR REPLACE VIEW stays AS FROM role_spans;
COMMENT ON VIEW stays IS 'The old name of role_spans; the next version drops it.';

CREATE OR REPLACE VIEW sections AS
SELECT track_id, path, section::INTEGER AS section, label, confidence, start_bar::INTEGER AS start_bar,
       end_bar::INTEGER AS end_bar,
       greatest(coalesce(start_s, first_downbeat_s + (start_bar - 1) * 240.0 / bpm), 0) AS start_s,
       least(coalesce(end_s, first_downbeat_s + end_bar * 240.0 / bpm), duration_s) AS end_s,
       border_confidence, CASE label WHEN 'core' THEN start_bar::INTEGER END AS drop_bar
FROM reading.section;
COMMENT ON VIEW sections IS 'A run of bars with one meaning: intro, build, core (the drop), break, outro; confidence is how likely the label is.';

CREATE OR REPLACE VIEW errors AS
SELECT path, stage, reason, message, attempts, retryable, run_id, last_seen FROM ledger.quarantine;
COMMENT ON VIEW errors IS 'A file in quarantine: the stage that gave it up, a reason code, and a sentence.';

CREATE OR REPLACE VIEW runs AS
SELECT run_id, flow, started_at, ended_at, state,
       found, labelled, unchanged, duplicate, quarantined, known_bad, decoded, coalesce(bytes_read, 0) AS bytes_read
FROM ledger.run;
COMMENT ON VIEW runs IS 'A run; found = labelled + unchanged + duplicate + quarantined + known_bad.';

CREATE OR REPLACE VIEW lineage AS
SELECT m.model_id, m.weights_digest, m.dataset_digest, s.source, s.licence, s.loops
FROM ledger.model m JOIN ledger.model_source s ON s.model_id = m.model_id;
COMMENT ON VIEW lineage IS 'What the labels of a model descend from: weights, data set, and its loops by source and licence.';
