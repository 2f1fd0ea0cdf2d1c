"""Two thousand files of every format with spoilt headers and cut tails: one answer each, and never a wrong length."""

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from faulthandler import cancel_dump_traceback_later, dump_traceback_later
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
import pytest

from storage.models import ModelStore
from storage.vocabulary import Reason
from tasks.audio.decoding import LONGEST_S, SHORTEST_S, SILENCE_PEAK, AudioError
from tasks.labelling.batch import analyse_batch
from tasks.labelling.request import LabelRecipe, LabelRequest
from tests.support.audio_files import (
    ID3V1,
    aiff,
    ape,
    caf,
    encoded,
    encoded_by_ffmpeg,
    flac_of_length,
    id3v2,
    pcm16,
    rf64,
    wav,
    without_count,
)
from tests.support.dummies import clicks

pytestmark = [pytest.mark.drill, pytest.mark.slow]

FILES = int(os.environ.get("ROLECALL_DRILL_FILES", "2000"))
SEED = 17
TIME_LIMIT_S = 60
RATE = 44_100
SECONDS = 1.5
TOLERANCE_S = 0.05
MP3_PADDING_S = 3 * 1152 / RATE
"""What an encoder puts around the sound, and FFmpeg leaves in where the header is not the first thing in the file."""

BROKEN_PROMISE = re.compile(r"the header (names|counts)|bytes of audio are missing|last page|decoding stopped")


def whole_files(folder: Path) -> dict[str, bytes]:
    """A click track in every format there is."""
    sound = clicks(120, SECONDS, rate=RATE)
    stereo = np.stack([sound, 0.5 * np.roll(sound, 30)], axis=1)
    data = pcm16(sound)
    files = {
        "wav": wav(data, RATE),
        "rf64": rf64(data, RATE),
        "bw64": rf64(data, RATE, b"BW64"),
        "aiff": aiff(sound, RATE),
        "caf": caf(data, RATE),
        "flac": encoded(folder / "a.flac", stereo, RATE),
        "ogg": encoded(folder / "a.ogg", stereo, RATE),
        "w64": encoded(folder / "a.w64", sound, RATE),
        "adpcm": encoded(folder / "b.wav", sound, RATE, subtype="IMA_ADPCM"),
        "float": encoded(folder / "c.wav", stereo, RATE, subtype="FLOAT"),
        "opus": encoded(folder / "b.ogg", clicks(120, SECONDS, rate=48_000), 48_000, subtype="OPUS"),
    }
    files["flac of unknown length"] = flac_of_length(files["flac"], 0)
    for mode in ("CONSTANT", "VARIABLE"):
        counted = encoded(folder / f"{mode}.mp3", stereo, RATE, bitrate_mode=mode)
        files[f"mp3 {mode.lower()}"] = counted
        files[f"mp3 {mode.lower()} uncounted"] = without_count(counted)
    files["mp3 tagged"] = id3v2() + files["mp3 variable"] + ape() + ID3V1
    for name, codec, container in (
        ("m4a", "aac", None),
        ("mp4", "alac", None),
        ("aac", "aac", "adts"),
        ("wma", "wmav2", None),
        ("wv", "wavpack", None),
        ("oga", "flac", "ogg"),
        ("mka", "flac", None),
        ("mp2", "mp2", None),
    ):
        files[name] = encoded_by_ffmpeg(folder / f"f.{name}", sound, RATE, codec, container, 128_000)
    return files


Spoil = Callable[[bytes, np.random.Generator], bytes]


def _with_bytes(content: bytes, place: int, new: bytes) -> bytes:
    return content[:place] + new + content[place + len(new) :]


def _header_bytes(content: bytes, random: np.random.Generator) -> bytes:
    for _ in range(random.integers(1, 5)):
        place = int(random.integers(0, min(len(content), 120)))
        content = _with_bytes(content, place, random.bytes(1))
    return content


def _header_word(content: bytes, random: np.random.Generator) -> bytes:
    word = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", random.bytes(4))[
        random.integers(5)
    ]
    return _with_bytes(content, int(random.integers(0, 30)) * 4, word)


def _body_bytes(content: bytes, random: np.random.Generator) -> bytes:
    for _ in range(random.integers(1, 9)):
        content = _with_bytes(content, int(random.integers(0, len(content))), random.bytes(1))
    return content


SPOILS: dict[str, Spoil] = {
    "header bytes": _header_bytes,
    "header word": _header_word,
    "body bytes": _body_bytes,
    "cut": lambda content, random: content[: int(random.integers(0, len(content)))],
    "cut by little": lambda content, random: content[: -int(random.integers(1, 600))],
    "junk behind": lambda content, random: content + random.bytes(int(random.integers(1, 5000))),
    "zeros behind": lambda content, random: content + bytes(int(random.integers(1, 5000))),
    "junk before": lambda content, random: random.bytes(int(random.integers(1, 3000))).replace(b"\xff", b"") + content,
    "twice": lambda content, random: content + content,
    "hole": lambda content, random: _with_bytes(content, int(random.integers(0, len(content) - 900)), bytes(800)),
}


@dataclass(frozen=True)
class Answer:
    """What is said of one file: its duration, or why it has none; and what FFmpeg says if it decodes it whole."""

    duration_s: float | None = None
    reason: Reason | None = None
    message: str = ""
    ffmpeg_s: float | None = None
    ffmpeg_swing: float = 0.0
    ffmpeg_rate: int = 0


def answer(path: str, recipe: LabelRecipe) -> Answer:
    """Our answer and FFmpeg's; the process ends if they take too long."""
    dump_traceback_later(TIME_LIMIT_S, exit=True)
    try:
        ours = analyse_batch([LabelRequest(path, path)], recipe.card)[0].result
        theirs = decoded_whole_by_ffmpeg(path)
    finally:
        cancel_dump_traceback_later()
    if isinstance(ours, AudioError):
        return Answer(None, ours.reason, str(ours), *theirs)
    return Answer(ours.duration_s, None, "", *theirs)


def decoded_whole_by_ffmpeg(path: str) -> tuple[float | None, float, int]:
    """Seconds that FFmpeg decodes without complaint, half of the way from lowest to highest sample, and the rate."""
    seconds, low, high, rate = 0.0, np.inf, -np.inf, 0
    try:
        with av.open(path, metadata_errors="replace") as container:
            stream = container.streams.audio[0]
            for frame in container.decode(stream):
                samples = frame.to_ndarray()
                if not np.isfinite(samples).all():
                    low, high = np.nan, np.nan
                rate = frame.sample_rate
                seconds += frame.samples / rate
                low, high = min(low, float(samples.min())), max(high, float(samples.max()))
    except (av.FFmpegError, ValueError, IndexError, ZeroDivisionError, MemoryError, AttributeError):
        return None, 0.0, rate
    return seconds or None, (high - low) / 2, rate


def is_right(found: Answer, kind: str) -> bool:
    """Whether an answer agrees with FFmpeg's, or names what is wrong with the file."""
    if found.ffmpeg_s is None:
        return True
    if found.duration_s is not None:
        padding_s = MP3_PADDING_S if kind.startswith("mp3") else 0.0
        return -TOLERANCE_S - padding_s <= found.duration_s - found.ffmpeg_s <= TOLERANCE_S
    return (
        {
            Reason.TRUNCATED: BROKEN_PROMISE.search(found.message) is not None,
            Reason.TOO_SHORT: found.ffmpeg_s < SHORTEST_S + TOLERANCE_S,
            Reason.TOO_LONG: found.ffmpeg_s > LONGEST_S,
            Reason.SILENT: found.ffmpeg_swing < 2 * SILENCE_PEAK,
            Reason.NONFINITE: not np.isfinite(found.ffmpeg_swing),
            Reason.UNREADABLE: not 1_000 <= found.ffmpeg_rate <= 1_000_000,
        }.get(found.reason, False)
        if found.reason
        else False
    )


def spoilt_files(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Format, what was done to it, and the file; each format and each spoil in turn."""
    random, whole = np.random.default_rng(SEED), whole_files(folder)
    formats, spoils = list(whole), list(SPOILS)
    for number in range(FILES):
        kind, spoil = formats[number % len(formats)], spoils[number // len(formats) % len(spoils)]
        # Of FLACs that were joined only the first is heard; the format knows no such thing.
        kind = "ogg" if spoil == "twice" and kind.startswith("flac") else kind
        path = folder / f"{number:04d}"
        path.write_bytes(SPOILS[spoil](whole[kind], random))
        yield kind, spoil, path


@pytest.mark.timeout(3600)
def test_no_spoilt_file_ends_the_run_or_gets_a_wrong_length(tmp_path: Path) -> None:
    recipe = LabelRecipe.of(ModelStore(tmp_path / "models").load("default"))
    outcomes: Counter[str] = Counter()
    wrong = []
    pool = ProcessPoolExecutor(1, get_context("spawn"))
    for kind, spoil, path in spoilt_files(tmp_path):
        try:
            found = pool.submit(answer, str(path), recipe).result()
        except BrokenProcessPool:
            wrong.append((path.name, kind, spoil, "the process died or took too long"))
            pool = ProcessPoolExecutor(1, get_context("spawn"))
            continue
        except Exception as error:
            wrong.append((path.name, kind, spoil, repr(error)))
            continue
        outcomes[found.reason or "labelled"] += 1
        if not is_right(found, kind):
            wrong.append((path.name, kind, spoil, found))
        else:
            path.unlink()
    pool.shutdown()
    print("\n" + ", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    assert not wrong, "\n".join(map(str, wrong))
