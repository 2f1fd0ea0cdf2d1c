"""Stores on disk: catalogue, loops, data sets, models, accounts; each module is the only owner of its schema."""
