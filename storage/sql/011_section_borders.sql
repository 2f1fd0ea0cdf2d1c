-- How sure it is that a section begins where it does; NULL for labels from before.
ALTER TABLE ledger.section ADD COLUMN IF NOT EXISTS border_confidence DOUBLE;
