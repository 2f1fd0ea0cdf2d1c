"""Decoding: any supported file to mono float32 at the model's rate, or a typed error with a reason code."""

import hashlib
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from storage.vocabulary import Reason

Samples = NDArray[np.float32]

EXTENSIONS: Final = frozenset({".wav", ".wave", ".aif", ".aiff", ".flac", ".ogg", ".oga", ".mp3", ".caf", ".rf64"})
"""Extensions that the core decodes."""

FOREIGN_EXTENSIONS: Final = frozenset({".m4a", ".mp4", ".aac", ".opus", ".wma", ".ape", ".wv", ".mka", ".webm"})
"""Extensions of audio that the core does not decode: found, counted and named in the errors."""

SHORTEST_S: Final = 0.25
LONGEST_S: Final = 12 * 3600.0
SILENCE_PEAK: Final = 1e-4
"""Peak below which a file counts as silent: -80 dBFS."""

_BLOCK_FRAMES: Final = 1 << 16


class AudioError(Exception):
    """A file that cannot be used, with the reason code it gets in the catalogue."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[Reason, str]]:
        """Travel between processes with the code."""
        return AudioError, (self.reason, str(self))

    @classmethod
    def from_os_error(cls, error: OSError) -> "AudioError":
        """The code for what the operating system said about a file."""
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return cls(Reason.VANISHED, "no such file")
        if isinstance(error, PermissionError):
            return cls(Reason.PERMISSION, "may not be read by this user")
        return cls(Reason.UNREADABLE, f"cannot be read: {error.strerror}")


@dataclass(frozen=True)
class Audio:
    """Decoded audio: mono `samples` (n,) at `sample_rate` Hz, and the duration of the file in seconds."""

    samples: Samples
    sample_rate: int
    duration_s: float


def decode(path: Path, sample_rate: int) -> Audio:
    """Read a whole file as mono float32 at `sample_rate`, checking on the way that it is what its header says.

    Raises `AudioError`: vanished, permission, empty, unreadable, unsupported_codec, truncated, too_short,
    too_long, nonfinite or silent.
    """
    check_file(path)
    with _open_sound(path) as sound:
        frames, rate = sound.frames, sound.samplerate
        if frames / rate > LONGEST_S:
            raise AudioError(Reason.TOO_LONG, f"{frames / rate / 3600:.1f} h long; at most {LONGEST_S / 3600:.0f} h")
        samples, frames_read = _read_resampled(sound, sample_rate, sys.maxsize)
    _check_whole(path, frames, frames_read)
    duration_s = frames_read / rate
    if duration_s < SHORTEST_S:
        raise AudioError(Reason.TOO_SHORT, f"{duration_s:.3f} s long; at least {SHORTEST_S} s")
    if not np.isfinite(samples).all():
        raise AudioError(Reason.NONFINITE, "holds samples that are NaN or infinite")
    if np.abs(samples).max() < SILENCE_PEAK:
        raise AudioError(Reason.SILENT, "peak below -80 dBFS")
    return Audio(samples, sample_rate, duration_s)


def audio_digest(audio: Audio) -> str:
    """The SHA-256 of decoded audio as 16-bit samples: the same sound in two lossless formats has the same."""
    steps = audio.samples * np.float32(32767.0)
    np.clip(np.rint(steps, out=steps), -32768.0, 32767.0, out=steps)
    return hashlib.sha256(steps.astype("<i2").data).hexdigest()


def decode_cut(path: Path, sample_rate: int, start_s: float, duration_s: float) -> Samples:
    """Read a stretch of a file that was checked before as mono float32 (n,) at `sample_rate`; raises `AudioError`."""
    check_file(path)
    with _open_sound(path) as sound:
        sound.seek(min(round(start_s * sound.samplerate), sound.frames))
        samples, _ = _read_resampled(sound, sample_rate, round(duration_s * sound.samplerate))
    return samples


def check_file(path: Path) -> None:
    """Refuse what needs no decoder to refuse; raises `AudioError` vanished, permission, empty or unsupported_codec."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioError.from_os_error(error) from None
    if not path.is_file():
        raise AudioError(Reason.UNREADABLE, "is not a regular file")
    if not os.access(path, os.R_OK):
        raise AudioError(Reason.PERMISSION, "may not be read by this user")
    if size == 0:
        raise AudioError(Reason.EMPTY, "0 bytes")
    if path.suffix.lower() in FOREIGN_EXTENSIONS:
        raise AudioError(Reason.UNSUPPORTED_CODEC, f"{path.suffix} is not decoded; convert it to WAV, FLAC, OGG or MP3")


def _open_sound(path: Path) -> soundfile.SoundFile:
    try:
        return soundfile.SoundFile(path)
    except soundfile.LibsndfileError as error:
        raise AudioError(Reason.UNREADABLE, f"no decoder takes it: {error.error_string}") from None


def _read_resampled(sound: soundfile.SoundFile, sample_rate: int, most: int) -> tuple[Samples, int]:
    """Decode at most so many frames, block by block: only the mono signal at the target rate is ever held whole."""
    resampler = soxr.ResampleStream(sound.samplerate, sample_rate, 1, dtype="float32", quality="HQ")
    pieces: list[Samples] = []
    frames_read = 0
    while True:
        try:
            block = sound.read(min(_BLOCK_FRAMES, most - frames_read), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError(Reason.TRUNCATED, f"decoding stopped: {error.error_string}") from None
        frames_read += len(block)
        last = len(block) < _BLOCK_FRAMES or frames_read == most
        pieces.append(resampler.resample_chunk(_mixed_down(block), last=last))
        if last:
            return np.concatenate(pieces), frames_read


def _mixed_down(block: Samples) -> Samples:
    """The mean of the channels of (frames, channels); a matrix product, for NumPy's mean is slow on short rows."""
    channels = block.shape[1]
    return block[:, 0] if channels == 1 else block @ np.full(channels, 1 / channels, np.float32)


def _check_whole(path: Path, frames: int, frames_read: int) -> None:
    """Raise truncated if the header promised more than there is; no decoder reports that by itself."""
    if frames_read < frames:
        raise AudioError(Reason.TRUNCATED, f"the header names {frames} frames, {frames_read} were decoded")
    missing = _missing_bytes(path)
    if missing > 0:
        raise AudioError(Reason.TRUNCATED, f"{missing} bytes of audio are missing at the end of the file")


def _missing_bytes(path: Path) -> int:
    """How many bytes the audio chunk of a WAV or AIFF file claims beyond the end of the file; 0 for other formats."""
    with path.open("rb") as file:
        head = file.read(12)
        if len(head) < 12:
            return 0
        form, _, kind = struct.unpack("4s4s4s", head)
        if form == b"RIFF" and kind == b"WAVE":
            return _overhang(file, path.stat().st_size, b"data", "<I")
        if form == b"FORM" and kind in (b"AIFF", b"AIFC"):
            return _overhang(file, path.stat().st_size, b"SSND", ">I")
    return 0


def _overhang(file: BinaryIO, file_size: int, wanted: bytes, size_format: str) -> int:
    """Walk the chunks of an IFF file to `wanted`; how far its stated end lies behind `file_size`, in bytes."""
    while len(header := file.read(8)) == 8:
        name, size = header[:4], struct.unpack(size_format, header[4:])[0]
        if name == wanted:
            # Recorders that stream leave the size open as all ones: that is no promise to hold them to.
            return 0 if size == 0xFFFFFFFF else max(0, file.tell() + size - file_size)
        file.seek(size + (size & 1), os.SEEK_CUR)
    return 0
