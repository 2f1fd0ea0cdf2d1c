"""Training a model: batches, losses, the loop, checkpoints, soft labels, distillation, cross-validation, the card."""
