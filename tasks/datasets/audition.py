"""Mixes as FLAC files to listen to; nothing reads them back."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import soundfile

from storage.datasets.plan import Mix
from storage.errors import UserError
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


def keep_some(plan: Sequence[Mix], loops: Mapping[str, Loop], folder: Path, number: int) -> Iterator[Path]:
    """Write so many mixes, spread evenly over a plan; raises UserError naming a loop that is not there."""
    mixes, stretched = [mix for mix in plan if mix.kind == "mix"], StretchedLoops()
    for mix in mixes[:: max(1, len(mixes) // number)][:number]:
        if gone := [voice.loop_id for voice in mix.voices if voice.loop_id not in loops]:
            raise UserError(f"loop {gone[0]} of {mix.mix_id} is not in this workspace; fetch it, then listen again")
        yield keep_audio(mix, loops, folder, stretched)
