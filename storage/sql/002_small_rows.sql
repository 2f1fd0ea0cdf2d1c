-- Segments of a million tracks: one column per role, rows found by a small number instead of a long key.
CREATE SEQUENCE ledger.label_number;

ALTER TABLE ledger.label RENAME TO label_1;
CREATE TABLE ledger.label (
    label_id INTEGER NOT NULL,
    label_key VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    audio_hash VARCHAR NOT NULL,
    status VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    duration_s DOUBLE NOT NULL,
    bpm DOUBLE,
    bpm_source VARCHAR,
    bpm_confidence DOUBLE,
    bpm_alternative DOUBLE,
    first_downbeat_s DOUBLE,
    probabilities FLOAT[6] NOT NULL,
    run_id VARCHAR NOT NULL,
    labelled_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (label_key, model_id)
);
INSERT INTO ledger.label
SELECT nextval('ledger.label_number'), label_key, model_id,
       coalesce((SELECT min(f.content_hash) FROM ledger.file f WHERE f.label_key = l.label_key), label_key),
       * EXCLUDE (label_key, model_id)
FROM ledger.label_1 l ORDER BY label_key;
COMMENT ON TABLE ledger.label IS 'What a model said of an audio content with given hints; paths with the same bytes share it.';
COMMENT ON COLUMN ledger.label.label_id IS 'Where its segments are; a new one every time it is labelled.';
COMMENT ON COLUMN ledger.label.audio_hash IS 'Digest of the decoded audio: the same sound under other tags or in another container has the same.';

ALTER TABLE ledger.segment RENAME TO segment_1;
CREATE TABLE ledger.segment (
    label_id INTEGER NOT NULL,
    segment INTEGER NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL,
    start_s DOUBLE NOT NULL,
    end_s DOUBLE NOT NULL,
    bass FLOAT NOT NULL,
    percussion FLOAT NOT NULL,
    fx FLOAT NOT NULL,
    melody FLOAT NOT NULL,
    chords FLOAT NOT NULL,
    vocal FLOAT NOT NULL
);
INSERT INTO ledger.segment
SELECT l.label_id, s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s,
       s.activations[1], s.activations[2], s.activations[3], s.activations[4], s.activations[5], s.activations[6]
FROM ledger.segment_1 s JOIN ledger.label l USING (label_key, model_id) ORDER BY l.label_id, s.segment;
DROP TABLE ledger.segment_1;
DROP TABLE ledger.label_1;
COMMENT ON TABLE ledger.segment IS
    'The activations of every four bars; in the order of label_id, so that a track is found without an index.';

ALTER TABLE ledger.section RENAME TO section_1;
CREATE TABLE ledger.section (
    label_id INTEGER NOT NULL,
    section INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL,
    start_s DOUBLE NOT NULL,
    end_s DOUBLE NOT NULL
);
DROP TABLE ledger.section_1;
COMMENT ON TABLE ledger.section IS 'Runs of bars with one meaning; in the order of label_id.';

ALTER TABLE ledger.file ADD COLUMN shown_key VARCHAR;
UPDATE ledger.file SET shown_key = label_key;
COMMENT ON COLUMN ledger.file.label_key IS 'The key that the labels of this file should have.';
COMMENT ON COLUMN ledger.file.shown_key IS
    'The key of the labels that readers see: label_key, or an older one of the same bytes until there are labels of that.';

ALTER TABLE ledger.quarantine ADD COLUMN again BOOLEAN DEFAULT false;
COMMENT ON COLUMN ledger.quarantine.again IS 'Whether the next run is to try this file once more.';

CREATE TABLE ledger.correction (
    audio_hash VARCHAR PRIMARY KEY,
    bpm DOUBLE,
    first_downbeat_s DOUBLE,
    corrected_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE ledger.correction IS 'What a person said of the grid of a sound; no model ever overwrites it.';

CREATE TABLE ledger.correction_role (
    audio_hash VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    present BOOLEAN NOT NULL,
    corrected_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (audio_hash, role)
);
COMMENT ON TABLE ledger.correction_role IS 'What a person said of a role in a sound; no model ever overwrites it.';
