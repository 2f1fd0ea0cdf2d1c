"""Truncated files are distinguished from whole ones, whichever way their encoder counts."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode
from tests.dummies import LOOPS, TRACKS, noise, write

ID3V1 = b"TAG" + bytes(125)


def mp3(path: Path, mode: str) -> Path:
    soundfile.write(path, noise(4.0, 44_100), 44_100, format="MP3", bitrate_mode=mode)
    return path


def without_info_frame(path: Path) -> Path:
    """What an encoder writes that does not come back to the head of its file: frames, and no count of them."""
    content = path.read_bytes()
    place = max(content.find(b"Info", 0, 64), content.find(b"Xing", 0, 64))
    assert place > 0
    second = content.index(content[:2], 4)
    path.write_bytes(content[second:])
    return path


def with_vbri(path: Path) -> Path:
    """The Xing header of a file rewritten as Fraunhofer's: version, delay, quality, bytes, frames."""
    content = bytearray(path.read_bytes())
    place = max(content.find(b"Info", 0, 64), content.find(b"Xing", 0, 64))
    content[place : place + 16] = bytes(16)
    content[36:54] = b"VBRI" + struct.pack(">HHHII", 1, 0, 100, len(content), 0)
    path.write_bytes(content)
    return path


def is_truncated(path: Path) -> bool:
    try:
        decode(path, 16_000)
    except AudioError as error:
        if error.reason is Reason.TRUNCATED:
            return True
        raise
    return False


def shorten(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
@pytest.mark.parametrize("change", [lambda path: path, without_info_frame, with_vbri], ids=["xing", "bare", "vbri"])
def test_an_mp3_is_whole_until_it_is_cut(tmp_path: Path, mode: str, change) -> None:  # type: ignore[no-untyped-def]
    path = change(mp3(tmp_path / "a.mp3", mode))
    assert not is_truncated(path)
    shorten(path, 0.613)
    assert is_truncated(path)


def test_tags_before_and_after_an_mp3_change_nothing(tmp_path: Path) -> None:
    path = mp3(tmp_path / "a.mp3", "VARIABLE")
    content = path.read_bytes()
    id3v2 = b"ID3\x03\x00\x00" + bytes([0, 0, 7, 104]) + bytes(1000)
    path.write_bytes(id3v2 + content + ID3V1)
    assert not is_truncated(path)
    path.write_bytes(id3v2 + content[:20_000] + ID3V1)
    assert is_truncated(path)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2])
def test_an_ogg_is_whole_until_it_is_cut(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.ogg", noise(8.0, 44_100), 44_100)
    assert not is_truncated(path)
    shorten(path, share)
    assert is_truncated(path)


@pytest.mark.parametrize("folder", [LOOPS, TRACKS], ids=["loops", "tracks"])
def test_real_files_are_whole(folder: Path) -> None:
    assert [path.name for path in folder.glob("*.ogg") if is_truncated(path)] == []


@pytest.mark.parametrize(("extension", "rate", "encoder"), [("m4a", 44_100, "aac"), ("opus", 48_000, "libopus")])
def test_with_pyav_foreign_codecs_are_decoded(tmp_path: Path, extension: str, rate: int, encoder: str) -> None:
    av = pytest.importorskip("av")
    samples = noise(3.0, rate)
    path = tmp_path / f"a.{extension}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(encoder, rate=rate, layout="mono")
        for start in range(0, len(samples), 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    audio = decode(path, 16_000)
    assert audio.duration_s == pytest.approx(3.0, abs=0.1)
    assert np.sqrt(np.mean(audio.samples**2)) > 0.03
    path.write_bytes(b"no audio at all" * 100)
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    assert caught.value.reason is Reason.UNREADABLE
