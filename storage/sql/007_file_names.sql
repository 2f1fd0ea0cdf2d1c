-- What a file name says besides a tempo with its unit belongs to what a label was made from too: a number that may be a
-- tempo, and whether the name calls its file a loop or a one-shot.
ALTER TABLE ledger.file ADD COLUMN IF NOT EXISTS name_number DOUBLE;
ALTER TABLE ledger.file ADD COLUMN IF NOT EXISTS name_kind VARCHAR;
