-- Whether a tempo is felt at half of what is written.
ALTER TABLE ledger.label ADD COLUMN IF NOT EXISTS half_time BOOLEAN;
