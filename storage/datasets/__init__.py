"""Data sets on disk: the plan, the feature shards, the lock, soft labels, credits."""
