-- A tempo that drifts: by which share, and where each bar begins; NULL where it is constant.
ALTER TABLE ledger.label ADD COLUMN IF NOT EXISTS bpm_drift DOUBLE;
ALTER TABLE ledger.label ADD COLUMN IF NOT EXISTS bar_lines STRUCT(first_bar INTEGER, times_s DOUBLE[]);
