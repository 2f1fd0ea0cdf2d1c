"""Sound whose tempo drifts as it is told to, so that the time of every bar line in it is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.support.dummies import RATE, Signal

Floats = NDArray[np.float64]
Speed = Callable[[Floats], Floats]
"""How fast a sound is played, from seconds of it: 1 as it is."""

_KNOWN_EVERY_S: Final = 0.02


@dataclass(frozen=True)
class Drifting:
    """Samples (n,) played at a changing speed, pitch and all, and when what sounded at a second sounds now."""

    samples: Signal
    before_s: Floats
    now_s: Floats

    def at(self, seconds: Floats) -> Floats:
        """When in the samples there is what there was at so many seconds before."""
        return np.interp(seconds, self.before_s, self.now_s)


def played_at(samples: Signal, speed: Speed, rate: int = RATE) -> Drifting:
    """Samples (n,) at a speed that changes."""
    duration_s = len(samples) / rate
    before_s = np.linspace(0, duration_s, round(duration_s / _KNOWN_EVERY_S) + 1)
    slowness = 1 / speed((before_s[1:] + before_s[:-1]) / 2)
    now_s = np.concatenate([[0.0], np.cumsum(np.diff(before_s) * slowness)])
    places = np.interp(np.arange(int(now_s[-1] * rate)) / rate, now_s, before_s) * rate
    played = np.interp(places, np.arange(len(samples)), samples).astype(np.float32)
    return Drifting(played, before_s, now_s)


def even_change(share: float, duration_s: float) -> Speed:
    """From as much slower than the mean as it is faster at the end; the other way round if the share is below 0."""
    return lambda seconds: 1 + share * (2 * seconds / duration_s - 1)


def swaying(share: float, period_s: float) -> Speed:
    """Faster and slower by a share, again and again."""
    return lambda seconds: 1 + share * np.sin(2 * np.pi * seconds / period_s)


def leap(to: float, at_s: float) -> Speed:
    """All at once so many times as fast, from some second on."""
    return lambda seconds: np.where(seconds < at_s, 1.0, to)
