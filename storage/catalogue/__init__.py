"""The catalogue of labels: the private ledger, the parts that workers write, the published file."""
