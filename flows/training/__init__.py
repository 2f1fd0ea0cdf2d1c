"""Flows that train models: one training, a sweep of many, cross-validation."""
