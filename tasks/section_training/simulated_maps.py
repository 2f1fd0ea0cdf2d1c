"""What a track of a simulated arrangement would look like to the program: activations with errors, sounds, levels."""

from typing import Final

import numpy as np

from storage.vocabulary import ROLES
from tasks.section_training.arrangements import Arrangement, Floats
from tasks.structure.section_features import TrackMap

_BANDS: Final = 16
_FLOOR: Final = 1e-6
_FAINT_DB: Final = 25.0
"""How far under the loudest of its bar a voice still counts as sounding."""

# Where the energy of a role lies among the bands, from low to high: (centre, width).
_SPECTRA: Final = {
    "bass": (1.5, 1.5),
    "percussion": (8.0, 7.0),
    "fx": (9.0, 5.0),
    "melody": (8.0, 3.0),
    "chords": (6.0, 3.0),
    "vocal": (8.0, 3.0),
}


class NetworkErrors:
    """How a label network errs inside of tracks, as measured on compositions of the validation side.

    Log odds over the threshold of a role that sounds, and of one that does not: means; spread between tracks, by what
    sounds beside it, between the four bars of segments, and between bars. Each simulated network is some better or
    worse than that.
    """

    SOUNDING: Final = (2.7, 3.0, 0.8, 0.0, 2.3, 1.1)
    SILENT: Final = (-1.9, -2.5, -1.2, -2.0, -1.1, -1.3)
    TRACK, BESIDE, SEGMENT, BAR = 0.9, 0.5, 0.8, 0.7


def simulated_map(arrangement: Arrangement, rng: np.random.Generator) -> TrackMap:
    """A map as the program would see it; its thresholds are all a half."""
    spectra = np.stack([_spectrum(ROLES[role], rng) for role in arrangement.roles])
    power = 10 ** (arrangement.gains_db / 10) * np.exp(rng.normal(0, 0.1, arrangement.gains_db.shape))
    bands = power @ spectra
    squash = rng.uniform(0.4, 1.0)
    loudness = bands.sum(axis=1, keepdims=True) + 1e-12
    bands *= (loudness / np.quantile(loudness, 0.9)) ** (squash - 1)
    loudest = np.sort(bands.sum(axis=1))[-max(1, len(bands) // 4) :].mean()
    bands = bands / loudest * np.exp(rng.normal(0, 0.15, bands.shape))
    levels_db = 10 * np.log10(np.maximum(bands.sum(axis=1), 1e-12))
    return TrackMap(
        activations=_activations(arrangement, rng).astype(np.float32),
        sounds=np.log(bands + _FLOOR * 8).astype(np.float32),
        levels_db=levels_db,
        thresholds=dict.fromkeys(ROLES, 0.5),
        bars=range(1, len(bands) + 1),
    )


def _spectrum(role: str, rng: np.random.Generator) -> Floats:
    """The share of a voice's energy in each band: that of its role, moved and roughened."""
    centre, width = _SPECTRA[role]
    place = (np.arange(_BANDS) - centre - rng.normal(0, width / 2)) / (width * rng.uniform(0.5, 1.3))
    shape = np.exp(-(place**2) / 2 + rng.normal(0, 0.7, _BANDS)) + 1e-3
    return np.asarray(shape / shape.sum())


def _activations(arrangement: Arrangement, rng: np.random.Generator) -> Floats:
    """The probability of each role in each bar (bars, roles)."""
    bars = len(arrangement.labels)
    loudest = arrangement.gains_db.max(axis=1, keepdims=True)
    audible = np.clip((arrangement.gains_db - loudest + _FAINT_DB) / 10, 0, 1)
    audible[loudest[:, 0] < -50] = 0
    presence = np.zeros((bars, len(ROLES)))
    for role in range(len(ROLES)):
        of_role = audible[:, arrangement.roles == role]
        if of_role.shape[1]:
            presence[:, role] = of_role.max(axis=1)
    skill = rng.uniform(0.6, 1.6)
    silent, sounding = np.array(NetworkErrors.SILENT), np.array(NetworkErrors.SOUNDING)
    odds = skill * (silent + presence * (sounding - silent))
    odds += rng.normal(0, NetworkErrors.TRACK, len(ROLES))
    odds += (audible - audible.mean(axis=0)) @ rng.normal(0, NetworkErrors.BESIDE, (audible.shape[1], len(ROLES)))
    segments = rng.normal(0, NetworkErrors.SEGMENT, (bars // 4 + 2, len(ROLES)))
    odds += np.repeat(segments, 4, axis=0)[:bars] + rng.normal(0, NetworkErrors.BAR, odds.shape)
    return np.asarray(1 / (1 + np.exp(-odds)))
