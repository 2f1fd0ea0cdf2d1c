-- The catalogue file that was published last, so that the next publication can start from it if nobody touched it since.
CREATE TABLE IF NOT EXISTS ledger.publication (
    size BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    changed BIGINT NOT NULL
);
COMMENT ON TABLE ledger.publication IS 'At most one row: size and time of the catalogue file, and how many paths changed since it was written whole.';
