"""Rhythm: onsets, pulse, metre, downbeat, and the beat grid; tempi that drift in `drifting_pulse`."""
