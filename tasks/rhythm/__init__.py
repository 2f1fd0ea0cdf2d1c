"""Rhythm: onsets, pulse, metre, downbeat, and the beat grid; tempo octave in `pulse`, first downbeat in `downbeat`."""
