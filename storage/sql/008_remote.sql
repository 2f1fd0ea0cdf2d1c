-- Audio in buckets and on servers: what a store says of an object without its being read, and how much was read of it.
ALTER TABLE ledger.file ADD COLUMN IF NOT EXISTS identity VARCHAR;
COMMENT ON COLUMN ledger.file.identity IS 'What a store says of the content of an object: md5 and its digest, or version and a digest of URL and version; null for a file on a disk.';
ALTER TABLE ledger.run ADD COLUMN IF NOT EXISTS bytes_read BIGINT;
ALTER TABLE ledger.committed_part ADD COLUMN IF NOT EXISTS bytes_read BIGINT;
