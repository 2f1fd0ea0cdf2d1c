"""What decoding costs with libsndfile and with FFmpeg, what reading the layout adds, and how large each is.

ROLECALL_ROUNDS says how often each is timed.
"""

import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.audio.containers.layouts import read_layout
from tasks.audio.containers.streams import Layout
from tasks.audio.ffmpeg import FFmpegReader
from tasks.audio.libsndfile import LibsndfileReader
from tests.support.audio_files import encoded
from tests.support.dummies import TRACKS

pytestmark = pytest.mark.benchmark

SECONDS = 240
ROUNDS = int(os.environ.get("ROLECALL_ROUNDS", "7"))
FORMATS = {
    "WAV": ("wav", {}),
    "FLAC": ("flac", {}),
    "Ogg Vorbis": ("ogg", {"subtype": "VORBIS"}),
    "Opus": ("ogg", {"subtype": "OPUS"}),
    "MP3, CBR": ("mp3", {"bitrate_mode": "CONSTANT"}),
    "MP3, VBR": ("mp3", {"bitrate_mode": "VARIABLE", "compression_level": 0.2}),
}


def fastest(work: Callable[[], object]) -> float:
    """Processor seconds of the fastest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def by_libsndfile(path: Path) -> int:
    file = path.open("rb", buffering=0)
    return sum(len(block) for block in LibsndfileReader(file, read_layout(file) or Layout()).blocks())


def by_ffmpeg(path: Path) -> int:
    return sum(len(block) for block in FFmpegReader(path.open("rb", buffering=0)).blocks())


def layout_alone(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        read_layout(file)


def test_decoders(tmp_path: Path) -> None:
    music, _ = soundfile.read(TRACKS / "loop_arrangement.ogg", dtype="float32", always_2d=True)
    left = np.resize(music[:, 0], SECONDS * 48_000)
    stereo = np.stack([left, np.roll(left, 300) * np.float32(0.8)], axis=1)
    print(f"\n{SECONDS} s of stereo, processor seconds     libsndfile   FFmpeg   of the former, the layout")
    for name, (extension, how) in FORMATS.items():
        path = tmp_path / f"a.{extension}"
        encoded(path, stereo, 48_000, **how)
        ours, theirs = fastest(partial(by_libsndfile, path)), fastest(partial(by_ffmpeg, path))
        layout = fastest(partial(layout_alone, path))
        print(f"{name:38} {ours:8.3f} {theirs:8.3f} {layout / ours:12.3f}")
    for package in ("soundfile", "av"):
        print(f"{package}: {sum(file.locate().stat().st_size for file in files(package) or ()) / 1e6:.0f} MB")
