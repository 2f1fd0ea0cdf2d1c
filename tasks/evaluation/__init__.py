"""How good a model is: metrics, calibration, scores on loops, mixes and tracks, reports."""
