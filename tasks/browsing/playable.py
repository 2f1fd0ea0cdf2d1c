"""A file as a browser plays it: what browsers do not decode, such as AIFF, is converted to FLAC."""

from contextlib import closing
from pathlib import Path
from typing import Final

import soundfile

from tasks.audio.decoding import check_file
from tasks.audio.downmix import Downmix
from tasks.audio.readers import open_reader

_MOST_CHANNELS: Final = 2


def convert_to_flac(path: Path, target: Path) -> None:
    """Write a file as FLAC of 16 bits at its own rate, more than two channels as one; raises `AudioError`."""
    check_file(path)
    downmix = Downmix()
    with closing(open_reader(path)) as reader:
        written: soundfile.SoundFile | None = None
        try:
            for block in reader.blocks():
                frames = block if block.shape[1] <= _MOST_CHANNELS else downmix.mix(block)[:, None]
                if written is None:
                    written = soundfile.SoundFile(target, "w", reader.rate, frames.shape[1], "PCM_16", format="FLAC")
                written.write(frames)
        finally:
            if written is not None:
                written.close()
