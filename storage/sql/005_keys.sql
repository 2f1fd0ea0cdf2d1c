-- What a manifest and the file name say of the key: both belong to what a label was made from.
ALTER TABLE ledger.file ADD COLUMN "key" VARCHAR;
ALTER TABLE ledger.file ADD COLUMN name_key VARCHAR;
