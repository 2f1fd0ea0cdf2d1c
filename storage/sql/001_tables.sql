-- The ledger's own tables. Readers use the views of the main schema; these may change between versions.
CREATE SCHEMA ledger;

CREATE TABLE ledger.model (
    model_id VARCHAR PRIMARY KEY,
    name VARCHAR NOT NULL,
    network VARCHAR NOT NULL,
    pooling VARCHAR NOT NULL,
    loss VARCHAR NOT NULL,
    weights_digest VARCHAR NOT NULL,
    dataset_digest VARCHAR NOT NULL,
    parameters BIGINT NOT NULL,
    macro_pr_auc DOUBLE,
    macro_roc_auc DOUBLE,
    created_at TIMESTAMPTZ NOT NULL,
    active BOOLEAN NOT NULL DEFAULT false
);
COMMENT ON TABLE ledger.model IS 'Models that have labelled something here or were trained here; one is active.';

CREATE TABLE ledger.model_role (
    model_id VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    position TINYINT NOT NULL,
    threshold DOUBLE NOT NULL,
    unsure_low DOUBLE NOT NULL,
    unsure_high DOUBLE NOT NULL,
    PRIMARY KEY (model_id, role)
);
COMMENT ON TABLE ledger.model_role IS 'Thresholds and unsure bands; position is the place of a role in every array of activations, from 1.';

CREATE TABLE ledger.model_source (
    model_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    licence VARCHAR NOT NULL,
    loops INTEGER NOT NULL
);
COMMENT ON TABLE ledger.model_source IS 'What a model learned from: training loops by source and licence.';

CREATE TABLE ledger.run (
    run_id VARCHAR PRIMARY KEY,
    flow VARCHAR NOT NULL,
    model_id VARCHAR,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    state VARCHAR NOT NULL,
    found BIGINT NOT NULL DEFAULT 0,
    labelled BIGINT NOT NULL DEFAULT 0,
    unchanged BIGINT NOT NULL DEFAULT 0,
    duplicate BIGINT NOT NULL DEFAULT 0,
    quarantined BIGINT NOT NULL DEFAULT 0,
    known_bad BIGINT NOT NULL DEFAULT 0,
    decoded BIGINT NOT NULL DEFAULT 0
);
COMMENT ON TABLE ledger.run IS 'One row a run; found is the sum of labelled, unchanged, duplicate, quarantined and known_bad.';

CREATE SEQUENCE ledger.track_number;
CREATE TABLE ledger.file (
    track_id BIGINT PRIMARY KEY DEFAULT nextval('ledger.track_number'),
    path VARCHAR NOT NULL UNIQUE,
    size BIGINT,
    mtime_ns BIGINT,
    content_hash VARCHAR,
    kind VARCHAR,
    bpm DOUBLE,
    name_bpm DOUBLE,
    first_downbeat_s DOUBLE,
    label_key VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    finding VARCHAR NOT NULL
);
COMMENT ON TABLE ledger.file IS 'Every path ever found, what it looked like then, what was said of it, and the key of its labels.';

CREATE TABLE ledger.label (
    label_key VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
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
COMMENT ON TABLE ledger.label IS 'What a model said of an audio content with given hints; paths with the same bytes share it.';

CREATE TABLE ledger.segment (
    label_key VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    segment INTEGER NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL,
    start_s DOUBLE NOT NULL,
    end_s DOUBLE NOT NULL,
    activations FLOAT[6] NOT NULL
);
COMMENT ON TABLE ledger.segment IS 'The activations of every four bars, in the order of ledger.model_role.position.';

CREATE TABLE ledger.section (
    label_key VARCHAR NOT NULL,
    model_id VARCHAR NOT NULL,
    section INTEGER NOT NULL,
    label VARCHAR NOT NULL,
    confidence DOUBLE NOT NULL,
    start_bar INTEGER NOT NULL,
    end_bar INTEGER NOT NULL,
    start_s DOUBLE NOT NULL,
    end_s DOUBLE NOT NULL
);
COMMENT ON TABLE ledger.section IS 'Runs of bars with one meaning.';

CREATE TABLE ledger.quarantine (
    path VARCHAR PRIMARY KEY,
    stage VARCHAR NOT NULL,
    reason VARCHAR NOT NULL,
    message VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,
    retryable BOOLEAN NOT NULL,
    run_id VARCHAR NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE ledger.quarantine IS 'Files that could not be used, one row a path, gone once the path is labelled.';

CREATE TABLE ledger.committed_part (
    part VARCHAR PRIMARY KEY,
    run_id VARCHAR NOT NULL,
    outcomes INTEGER NOT NULL,
    committed_at TIMESTAMPTZ NOT NULL
);
COMMENT ON TABLE ledger.committed_part IS 'Parts whose outcomes are in the ledger; a part is committed once.';
