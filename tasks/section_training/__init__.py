"""Learning what sections look like: simulated arrangements, real ones, and the fit of the sequence model."""
