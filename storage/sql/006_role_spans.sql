-- Field terms for what sounds from which bar to which.
ALTER TABLE ledger.stay RENAME TO role_span;
COMMENT ON TABLE ledger.role_span IS 'From which bar to which a role sounds, smoothed over bars.';
