"""The commands: parsing, calling, printing, and nothing else."""
