"""MP3s are heard from their first frame to their last, whoever counted them; a broken count is a truncation."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from storage.vocabulary import Reason
from tasks.audio.containers.mpeg_frames import Format, format_of, frame_lengths, runs
from tasks.audio.decoding import AudioError, decode
from tasks.audio.readers import open_reader
from tests.support.audio_files import ID3V1, LYRICS3, ape, encoded, encoded_by_ffmpeg, id3v2, wav_format, without_count
from tests.support.dummies import LOOPS, TRACKS, noise, tone

RATE = 44_100
FRAME = 1152
DELAY = 1105
"""Samples that an encoder and a decoder put before the sound where no header tells them."""

Bytes = Callable[[bytes], bytes]


def rising(seconds: float = 4.0, rate: int = RATE) -> NDArray[np.float32]:
    """Noise that grows from hardly anything to loud: few bits first, then many."""
    return noise(seconds, rate) * np.linspace(0.001, 5, round(seconds * rate), dtype=np.float32)


def falling(seconds: float = 4.0) -> NDArray[np.float32]:
    return np.ascontiguousarray(rising(seconds)[::-1])


@pytest.fixture(scope="module")
def mp3s(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Four seconds in each mode of bit rate, with a header that counts frames."""
    folder = tmp_path_factory.mktemp("mp3s")
    return {
        mode: encoded(folder / f"{mode}.mp3", falling(), RATE, bitrate_mode=mode, compression_level=0.3)
        for mode in ("CONSTANT", "VARIABLE", "AVERAGE")
    }


def with_vbri(mp3: bytes, frames: int | None = None) -> bytes:
    """The Xing header of a file rewritten as Fraunhofer's: version, delay, quality, bytes, frames."""
    content = bytearray(mp3)
    place = max(content.find(b"Info", 0, 64), content.find(b"Xing", 0, 64))
    counted = struct.unpack(">I", content[place + 8 : place + 12])[0]
    content[place : place + 160] = bytes(160)
    content[36:54] = b"VBRI" + struct.pack(">HHHII", 1, 0, 100, len(content), counted if frames is None else frames)
    return bytes(content)


def duration(path: Path, content: bytes) -> float:
    path.write_bytes(content)
    return decode(path, 16_000).duration_s


def is_truncated(path: Path, content: bytes) -> bool:
    try:
        duration(path, content)
    except AudioError as error:
        if error.reason is Reason.TRUNCATED:
            return True
        raise
    return False


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
@pytest.mark.parametrize("change", [bytes, without_count, with_vbri], ids=["xing", "bare", "vbri"])
def test_an_mp3_is_whole_until_it_is_cut(tmp_path: Path, mp3s: dict[str, bytes], mode: str, change: Bytes) -> None:
    content = change(mp3s[mode])
    assert duration(tmp_path / "a.mp3", content) == pytest.approx(4.0, abs=3 * FRAME / RATE)
    assert is_truncated(tmp_path / "a.mp3", content[: round(0.613 * len(content))])


@pytest.mark.parametrize("sound", [rising, falling])
def test_a_file_of_variable_bit_rate_without_a_count_is_heard_to_its_last_frame(
    tmp_path: Path, sound: Callable[[], NDArray[np.float32]]
) -> None:
    counted = encoded(tmp_path / "a.mp3", sound(), RATE, bitrate_mode="VARIABLE", compression_level=0.3)
    (tmp_path / "bare.mp3").write_bytes(without_count(counted))
    whole = np.concatenate(list(open_reader(tmp_path / "a.mp3").blocks()))
    bare = np.concatenate(list(open_reader(tmp_path / "bare.mp3").blocks()))
    assert len(bare) % FRAME == 0
    np.testing.assert_allclose(bare[DELAY : DELAY + len(whole)], whole, atol=1e-4)


@pytest.mark.parametrize("rate", [48_000, 32_000, 22_050, 16_000, 11_025, 8_000])
def test_every_version_of_mpeg_has_its_length(tmp_path: Path, rate: int) -> None:
    samples = 1152 if rate >= 32_000 else 576
    content = encoded_by_ffmpeg(tmp_path / "a.mp3", tone(3.0, 440, rate), rate, "libmp3lame")
    assert duration(tmp_path / "a.mp3", content) == pytest.approx(3.0, abs=samples / rate)
    assert duration(tmp_path / "a.mp3", without_count(content[_after_id3(content) :])) == pytest.approx(
        3.0, abs=3 * samples / rate
    )


def _after_id3(content: bytes) -> int:
    return 10 + content[9] + (content[8] << 7) if content[:3] == b"ID3" else 0


def test_layer_two_has_its_length(tmp_path: Path) -> None:
    content = encoded_by_ffmpeg(tmp_path / "a.mp2", tone(3.0, 440, RATE), RATE, "mp2")
    assert duration(tmp_path / "a.mp2", content) == pytest.approx(3.0, abs=FRAME / RATE)


def test_free_format_has_its_length(tmp_path: Path) -> None:
    how = {"bitrate_mode": "CONSTANT", "compression_level": 0.5}
    content = bytearray(without_count(encoded(tmp_path / "a.mp3", noise(3.0, 48_000), 48_000, **how)))
    length = frame_lengths(Format(3, 3, 48_000, True))[content[1] << 8 | content[2]]
    for place in range(0, len(content), length):
        content[place + 2] &= 0x0F
    assert duration(tmp_path / "a.mp3", bytes(content)) == pytest.approx(3.0, abs=3 * FRAME / 48_000)


@pytest.mark.parametrize("change", [bytes, without_count], ids=["counted", "bare"])
@pytest.mark.parametrize(
    "wrapped",
    [
        lambda mp3: id3v2() + mp3 + ID3V1,
        lambda mp3: mp3 + ape(),
        lambda mp3: mp3 + ape() + ID3V1,
        lambda mp3: mp3 + LYRICS3 + ID3V1,
        lambda mp3: id3v2() + id3v2(200_000) + mp3 + ape() + LYRICS3 + ID3V1,
        lambda mp3: b"junk of some program" * 1000 + mp3,
        lambda mp3: bytes(50_000) + mp3,
    ],
    ids=["id3", "ape", "ape_id3v1", "lyrics3", "all", "junk", "zeros"],
)
def test_what_stands_before_and_behind_the_frames_changes_nothing(
    tmp_path: Path, mp3s: dict[str, bytes], change: Bytes, wrapped: Bytes
) -> None:
    content = change(mp3s["VARIABLE"])
    plain, dressed = tmp_path / "plain.mp3", tmp_path / "dressed.mp3"
    plain.write_bytes(content)
    dressed.write_bytes(wrapped(content))
    assert decode(dressed, 16_000).digest == decode(plain, 16_000).digest
    assert is_truncated(dressed, wrapped(content[:20_001]))


@pytest.mark.parametrize("first", [bytes, without_count], ids=["counted", "bare"])
@pytest.mark.parametrize("second", [bytes, without_count], ids=["counted", "bare"])
@pytest.mark.parametrize("between", [b"", ID3V1 + id3v2(5000)], ids=["nothing", "tags"])
def test_joined_files_are_heard_one_after_the_other(
    tmp_path: Path, mp3s: dict[str, bytes], first: Bytes, second: Bytes, between: bytes
) -> None:
    parts = first(mp3s["VARIABLE"]), second(mp3s["CONSTANT"])
    lengths = [duration(tmp_path / "a.mp3", part) for part in parts]
    joined = duration(tmp_path / "a.mp3", parts[0] + between + parts[1])
    assert joined == pytest.approx(sum(lengths), abs=FRAME / RATE)


def test_joined_files_of_other_rates_and_channels_are_heard_at_the_rate_of_the_first(tmp_path: Path) -> None:
    stereo = np.stack([tone(2.0, 440, RATE)] * 2, axis=1)
    parts = (
        encoded(tmp_path / "a.mp3", stereo, RATE),
        encoded(tmp_path / "b.mp3", tone(2.0, 880, 22_050), 22_050),
    )
    (tmp_path / "c.mp3").write_bytes(b"".join(parts))
    audio = decode(tmp_path / "c.mp3", 16_000)
    assert audio.duration_s == pytest.approx(4.0, abs=1e-3)
    for start, pitch in ((8_000, 440), (40_000, 880)):
        spectrum = np.abs(np.fft.rfft(audio.samples[start : start + 16_000]))
        assert int(spectrum.argmax()) == pitch


@pytest.mark.parametrize("missing", [1, 50, 200])
def test_a_last_frame_that_is_not_whole_is_truncated_where_nobody_counted(
    tmp_path: Path, mp3s: dict[str, bytes], missing: int
) -> None:
    assert is_truncated(tmp_path / "a.mp3", without_count(mp3s["CONSTANT"])[:-missing])


def test_a_count_of_fewer_frames_than_there_are_is_no_reason_to_stop(tmp_path: Path, mp3s: dict[str, bytes]) -> None:
    content = bytearray(mp3s["CONSTANT"])
    place = content.index(b"Info") + 8
    content[place : place + 4] = struct.pack(">I", 50)
    assert duration(tmp_path / "a.mp3", bytes(content)) == pytest.approx(4.0, abs=3 * FRAME / RATE)


def test_a_hole_without_a_count_is_skipped_and_with_one_is_truncated(tmp_path: Path, mp3s: dict[str, bytes]) -> None:
    counted = mp3s["CONSTANT"]
    bare = without_count(counted)
    assert duration(tmp_path / "a.mp3", bare[:20_000] + bytes(5_000) + bare[20_000:]) == pytest.approx(4.0, abs=0.1)
    assert is_truncated(tmp_path / "a.mp3", counted[:20_000] + bytes(5_000) + counted[25_000:])


def test_mp3_in_a_wav_is_decoded(tmp_path: Path, mp3s: dict[str, bytes]) -> None:
    content = mp3s["VARIABLE"]
    body = b"WAVE" + wav_format(RATE, tag=0x55) + b"data" + struct.pack("<I", len(content)) + content
    (tmp_path / "a.mp3").write_bytes(content)
    (tmp_path / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    assert decode(tmp_path / "a.wav", 16_000).digest == decode(tmp_path / "a.mp3", 16_000).digest


def test_a_file_that_is_cut_from_another_begins_where_it_begins(tmp_path: Path, mp3s: dict[str, bytes]) -> None:
    bare = without_count(mp3s["CONSTANT"])
    (tmp_path / "a.mp3").write_bytes(bare)
    with (tmp_path / "a.mp3").open("rb", buffering=0) as file:
        (run,) = runs(file, 0, len(bare), 1)
    length = len(run.first_frame)
    assert duration(tmp_path / "a.mp3", bare[100 * length + 7 :]) == pytest.approx(
        (run.frames - 101) * FRAME / RATE, abs=3 * FRAME / RATE
    )


def test_headers_that_cannot_be_are_none() -> None:
    assert format_of(b"\xff\xfb\x90\x64") == Format(3, 3, 44_100, False)
    for impossible in ("fffbf064", "fffb9c64", "ffeb9064", "fff99064", "fffb90"):
        assert format_of(bytes.fromhex(impossible)) is None


@pytest.mark.parametrize("folder", [LOOPS, TRACKS], ids=["loops", "tracks"])
def test_real_files_are_whole(folder: Path) -> None:
    paths = sorted(folder.glob("*.ogg"))
    assert paths
    for path in paths:
        assert decode(path, 16_000).duration_s == pytest.approx(soundfile.info(path).duration)
