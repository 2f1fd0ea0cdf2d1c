"""Readers: the frames of a file as its decoder gives them, block by block.

The bytes of a file choose its decoder, never its name: libsndfile first, which reads WAV, AIFF, FLAC, Ogg, MP3, CAF and
more, and FFmpeg for what libsndfile does not take.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import soundfile

from storage.vocabulary import Reason
from tasks.audio import ffmpeg
from tasks.audio.containers.layouts import is_foreign, read_layout
from tasks.audio.containers.streams import Layout
from tasks.audio.errors import AudioError
from tasks.audio.libsndfile import Block, LibsndfileReader

FOREIGN: Final = frozenset({".m4a", ".mp4", ".aac", ".wma", ".ape", ".wv", ".mka", ".webm"})
"""Extensions of audio that only FFmpeg decodes."""

_SLOWEST_HZ, _FASTEST_HZ = 1_000, 1_000_000


class Reader(Protocol):
    """An open file: its `rate` in Hz, and how many `frames` it has, if that is known before decoding."""

    rate: int
    frames: int | None

    def blocks(self, start: int = 0, most: int = sys.maxsize) -> Iterator[Block]:
        """Frames (n, channels) from `start` on, at most so many; once. Raises `AudioError` truncated."""
        ...

    def close(self) -> None:
        """Let go of the file, of which no blocks are wanted."""
        ...


def open_reader(path: Path) -> Reader:
    """Open a file; raises `AudioError` vanished, permission, unreadable, unsupported_codec or truncated."""
    try:
        file = path.open("rb", buffering=0)
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    try:
        reader = _reader(file, path.suffix.lower())
        if not _SLOWEST_HZ <= reader.rate <= _FASTEST_HZ:
            raise AudioError(Reason.UNREADABLE, f"names a sample rate of {reader.rate} Hz")
    except OSError as error:
        file.close()
        raise AudioError.from_os_error(error) from None
    except BaseException:
        file.close()
        raise
    return reader


def _reader(file: BinaryIO, extension: str) -> Reader:
    layout = read_layout(file)
    if layout is not None and layout.missing is not None:
        raise AudioError(Reason.TRUNCATED, layout.missing)
    try:
        return LibsndfileReader(file, layout or Layout())
    except soundfile.SoundFileError as error:
        refusal = str(getattr(error, "error_string", None) or error)
    if ffmpeg.is_installed():
        return ffmpeg.FFmpegReader(file)
    if layout is not None or is_foreign(file) or extension in FOREIGN:
        raise AudioError(
            Reason.UNSUPPORTED_CODEC,
            "its codec needs PyAV: pip install 'rolecall[av]', or convert it to WAV, FLAC, OGG or MP3",
        )
    raise AudioError(Reason.UNREADABLE, f"no decoder takes it: {refusal}")
