"""Mixes as FLAC files to listen to; nothing reads them back."""

from collections.abc import Mapping
from pathlib import Path

import soundfile

from storage.datasets.plan import Mix
from storage.files import atomic_path
from storage.loops.table import Loop
from tasks.audio.stretching import StretchedLoops
from tasks.datasets.rendering import render_mix

LISTENING_RATE = 44_100
"""Hz; loops are stretched anew at it."""


def keep_audio(mix: Mix, loops: Mapping[str, Loop], folder: Path, stretched: StretchedLoops) -> Path:
    """Render a mix at 44.1 kHz and write it as FLAC, named by its id; raises `AudioError`."""
    path = folder / f"{mix.mix_id}.flac"
    samples = render_mix(mix, loops, LISTENING_RATE, stretched)
    with atomic_path(path) as temporary:
        soundfile.write(temporary, samples, LISTENING_RATE, format="FLAC", subtype="PCM_16")
    return path
