-- The map at the scale of bars, and the key.
CREATE TABLE ledger.bars (
    label_id INTEGER NOT NULL,
    first_bar INTEGER NOT NULL,
    level_db FLOAT[] NOT NULL,
    bass FLOAT[] NOT NULL,
    percussion FLOAT[] NOT NULL,
    fx FLOAT[] NOT NULL,
    melody FLOAT[] NOT NULL,
    chords FLOAT[] NOT NULL,
    vocal FLOAT[] NOT NULL
);
COMMENT ON TABLE ledger.bars IS 'One row a track: the level and the raw activations of every bar, as lists from first_bar on.';

CREATE TABLE ledger.stay (
    label_id INTEGER NOT NULL,
    role VARCHAR NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL
);
COMMENT ON TABLE ledger.stay IS 'From which bar to which a role sounds, smoothed over bars.';

DROP TABLE ledger.section;
CREATE TABLE ledger.section (
    label_id INTEGER NOT NULL,
    section INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL
);
COMMENT ON TABLE ledger.section IS 'Runs of bars with one meaning; in the order of label_id.';

ALTER TABLE ledger.label ADD COLUMN "key" VARCHAR;
ALTER TABLE ledger.label ADD COLUMN mode VARCHAR;
ALTER TABLE ledger.label ADD COLUMN key_source VARCHAR;
ALTER TABLE ledger.label ADD COLUMN key_confidence DOUBLE;
