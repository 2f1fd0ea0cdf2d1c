"""Rhythm: onsets, pulse, metre, downbeat, and the beat grid that they make."""
