-- Parts of a finished run are merged into one file; the ledger remembers into which.
ALTER TABLE ledger.committed_part ADD COLUMN archive VARCHAR;
COMMENT ON COLUMN ledger.committed_part.archive IS 'The archive that a part was merged into; null while it is a file of its own.';
