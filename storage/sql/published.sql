-- What the published catalogue has in the place of the ledger's own tables, for `rolecall plan`; and what its tables hold.
CREATE OR REPLACE VIEW ledger.file AS
SELECT track_id, path, size, mtime_ns, identity, content_hash, label_key, shown_key FROM reading.track;
COMMENT ON VIEW ledger.file IS 'Every path ever found, what it looked like then, and the key of its labels.';

COMMENT ON TABLE ledger.label IS 'Which labels there are by which model, and how long what they are of.';
COMMENT ON TABLE ledger.model IS 'Models that have labelled something here or were trained here; one is active.';
COMMENT ON TABLE ledger.model_role IS 'Thresholds and unsure bands; position is the place of a role in every array of activations, from 1.';
COMMENT ON TABLE ledger.model_source IS 'What a model learned from: training loops by source and licence.';
COMMENT ON TABLE ledger.run IS 'One row a run; found is the sum of labelled, unchanged, duplicate, quarantined and known_bad.';
COMMENT ON TABLE ledger.quarantine IS 'Files that could not be used, one row a path, gone once the path is labelled.';
COMMENT ON TABLE ledger.correction IS 'What a person said of the grid of a sound; no model ever overwrites it.';
COMMENT ON TABLE ledger.correction_role IS 'What a person said of a role in a sound; no model ever overwrites it.';
COMMENT ON TABLE reading.track IS 'One row a path: what is known of it as a whole. active, unsure and corrected are sets of roles, notes is the key as a number.';
COMMENT ON TABLE reading.segment IS 'One row a path x four bars; active is the set of roles that reach the threshold of the model, without those that a person ruled out.';
COMMENT ON TABLE reading.bars IS 'One row a path with a map: for each bar the level, the raw activations in one number and the set of roles that sound; lines_s are its bar lines where the tempo drifts.';
COMMENT ON TABLE reading.role_span IS 'One row a stretch of bars in which a role sounds; start_s and end_s where the tempo drifts.';
COMMENT ON TABLE reading.section IS 'One row a run of bars with one meaning; start_s and end_s where the tempo drifts.';
COMMENT ON TABLE reading.definition IS 'By which definitions the catalogue was written; one of others is written whole.';
