"""Training a model: batches, losses, the loop, checkpoints, teachers, cross-validation, the card."""
