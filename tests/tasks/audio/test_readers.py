"""The bytes of a file choose its decoder; its name and its neighbours do not."""

import os
from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode, stated_duration_s
from tasks.audio.readers import open_reader
from tests.support.audio_files import ape, encoded, encoded_by_ffmpeg, flac_of_length, without_count
from tests.support.dummies import LOOPS, noise, tone, write

RATE = 48_000
FOREIGN = {"m4a": "aac", "aac": "aac", "wma": "wmav2", "wv": "wavpack", "mka": "flac"}
PRIMING_S = 0.1
"""What a lossy codec may put before and behind the sound."""


def foreign(folder: Path, extension: str) -> bytes:
    container = "adts" if extension == "aac" else None
    path = folder / f"made.{extension}"
    return encoded_by_ffmpeg(path, noise(3.0, RATE), RATE, FOREIGN[extension], container, 128_000)


def reason(path: Path) -> Reason:
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    return caught.value.reason


@pytest.mark.parametrize("content", ["wav", "aiff", "flac", "ogg", "mp3", "caf", "w64", "m4a", "wv"])
@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.m4a", "a"])
def test_a_wrong_extension_changes_nothing(tmp_path: Path, content: str, name: str) -> None:
    right = tmp_path / f"right.{content}"
    made = foreign(tmp_path, content) if content in FOREIGN else encoded(right, noise(3.0, RATE), RATE)
    right.write_bytes(made)
    (tmp_path / name).write_bytes(made)
    assert decode(tmp_path / name, 16_000).digest == decode(right, 16_000).digest


@pytest.mark.parametrize("extension", list(FOREIGN))
def test_what_libsndfile_does_not_take_ffmpeg_decodes(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"a.{extension}"
    path.write_bytes(foreign(tmp_path, extension))
    audio = decode(path, 16_000)
    assert audio.duration_s == pytest.approx(3.0, abs=PRIMING_S)
    assert np.sqrt(np.mean(audio.samples**2)) > 0.03


@pytest.mark.parametrize("extension", list(FOREIGN))
def test_a_foreign_file_cut_in_half_is_truncated(tmp_path: Path, extension: str) -> None:
    content = foreign(tmp_path, extension)
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content[: len(content) // 2 + 7])
    assert reason(path) is Reason.TRUNCATED


def test_a_cut_of_a_foreign_file_is_that_stretch_of_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wv"
    path.write_bytes(foreign(tmp_path, "wv"))
    whole = np.concatenate(list(open_reader(path).blocks()))
    np.testing.assert_array_equal(np.concatenate(list(open_reader(path).blocks(70_000, 9_000))), whole[70_000:79_000])


def test_opus_is_decoded_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.audio.ffmpeg.find_spec", lambda name: None)
    path = tmp_path / "a.opus"
    path.write_bytes(encoded_by_ffmpeg(path, tone(3.0, 440, RATE), RATE, "libopus"))
    assert decode(path, 16_000).duration_s == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize("extension", ["m4a", "wma", "wv"])
@pytest.mark.parametrize("name", ["a.{}", "a.wav"])
def test_a_codec_that_needs_ffmpeg_is_named_so_where_pyav_is_missing(
    tmp_path: Path, extension: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name.format(extension)
    path.write_bytes(foreign(tmp_path, extension))
    monkeypatch.setattr("tasks.audio.ffmpeg.find_spec", lambda name: None)
    with pytest.raises(AudioError, match=r"pip install 'rolecall\[av\]'") as caught:
        decode(path, 16_000)
    assert caught.value.reason is Reason.UNSUPPORTED_CODEC


@pytest.mark.parametrize("with_ffmpeg", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "Dear producer, please find the loop attached.\n" * 50,
        "#EXTM3U\n#EXTINF:4,\n{}\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
    ids=["letter", "playlist", "concat"],
)
def test_text_is_unreadable_and_opens_no_other_file(
    tmp_path: Path, text: str, with_ffmpeg: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_ffmpeg:
        monkeypatch.setattr("tasks.audio.ffmpeg.find_spec", lambda name: None)
    other = write(tmp_path / "other.wav", noise(1.0))
    (tmp_path / "a.mp3").write_text(text.format(other))
    assert reason(tmp_path / "a.mp3") is Reason.UNREADABLE


@pytest.mark.parametrize("beside", ["._a.mp3", ".AppleDouble/a.mp3", "resource.frk/a.mp3"])
def test_what_lies_beside_an_mp3_does_not_make_it_unreadable(tmp_path: Path, beside: str) -> None:
    path = write(tmp_path / "a.mp3", noise(3.0, 44_100), 44_100)
    twin = tmp_path / beside
    twin.parent.mkdir(exist_ok=True)
    entries = (9, 50, 32), (2, 82, 286)
    twin.write_bytes(
        b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \x00\x02"
        + b"".join(number.to_bytes(4, "big") for entry in entries for number in entry)
        + bytes(400)
    )
    assert decode(path, 16_000).duration_s == pytest.approx(3.0, abs=1e-3)


def test_a_name_that_is_no_text_or_looks_like_an_address_is_opened(tmp_path: Path) -> None:
    content = (LOOPS / "loop_tabla.ogg").read_bytes()
    for name in (b"l\xe4rm.ogg", b"http:a.ogg", b"concat:a.ogg"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        path.write_bytes(content)
        assert decode(path, 16_000).digest == decode(LOOPS / "loop_tabla.ogg", 16_000).digest


@pytest.mark.parametrize("rate", [1, 7, 999, 4_000_000_000])
def test_a_sample_rate_that_cannot_be_is_unreadable(tmp_path: Path, rate: int) -> None:
    content = bytearray(write(tmp_path / "a.wav", noise(1.0)).read_bytes())
    content[24:28] = rate.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    assert reason(tmp_path / "a.wav") is Reason.UNREADABLE


def test_a_tag_alone_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(ape())
    assert reason(tmp_path / "a.mp3") is Reason.UNREADABLE


def test_a_length_is_stated_before_decoding_where_it_is_known_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a"
    falling = noise(4.0, RATE) * np.linspace(5, 0, 4 * RATE, dtype=np.float32)
    mp3 = encoded(tmp_path / "a.mp3", falling, RATE, bitrate_mode="VARIABLE")
    flac = encoded(tmp_path / "a.flac", falling, RATE)
    for content, seconds in ((mp3, 4.0), (without_count(mp3), 4.0), (flac, 4.0)):
        path.write_bytes(content)
        assert stated_duration_s(path) == pytest.approx(seconds, abs=3 * 1152 / RATE)
    for content in (flac_of_length(flac, 0), mp3 + mp3, foreign(tmp_path, "m4a")):
        path.write_bytes(content)
        assert stated_duration_s(path) is None
