"""Exports of the published catalogue: one writer a format, each fed track by track."""
