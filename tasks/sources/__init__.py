"""Where loops come from; each source yields `Loop` records."""
