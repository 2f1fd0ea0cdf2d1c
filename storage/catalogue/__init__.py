"""The catalogue of labels: the private ledger, the parts that workers write, and the publication."""
