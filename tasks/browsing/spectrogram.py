"""The picture of a file's log-frequency spectrogram, as wide as the file is long."""

from pathlib import Path

from matplotlib.image import imsave

from tasks.audio.decoding import Sound
from tasks.structure.log_spectrogram import RANGE_DB, RATE, log_spectrogram


def draw_spectrogram(path: Path, duration_s: float, target: Path) -> None:
    """Draw a file of about `duration_s` seconds as a PNG without axes, low frequencies below; raises `AudioError`."""
    sound = Sound(path, RATE)
    levels, _ = log_spectrogram(sound.blocks(), round(duration_s * RATE))
    imsave(target, levels, cmap="magma", vmin=-RANGE_DB, vmax=0, origin="lower", format="png")
