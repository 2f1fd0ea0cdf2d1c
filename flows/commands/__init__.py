"""The commands of `rolecall`, one file a group: they parse, call and print, nothing else."""
