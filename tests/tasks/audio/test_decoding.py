import hashlib
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, Sound, decode, decode_cut
from tasks.audio.readers import open_reader
from tests.support.dummies import LOOPS, RATE, TRACKS, noise, tone, write

CONTAINERS = ["wav", "aiff", "flac", "ogg", "mp3", "caf"]


def reason_for(path: Path) -> Reason:
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    return caught.value.reason


def cut_in_half(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize("extension", CONTAINERS)
def test_every_container_decodes_to_its_length_at_the_rate_asked_for(tmp_path: Path, extension: str) -> None:
    audio = decode(write(tmp_path / f"a.{extension}", tone(2.0, rate=44_100), 44_100), 16_000)
    assert audio.sample_rate == 16_000
    assert audio.samples.dtype == np.float32
    assert audio.samples.ndim == 1
    assert audio.duration_s == pytest.approx(2.0, abs=0.06 if extension == "mp3" else 1e-3)
    assert len(audio.samples) == pytest.approx(audio.duration_s * 16_000, abs=2)


@pytest.mark.parametrize("extension", CONTAINERS)
def test_a_tone_keeps_its_pitch_and_level(tmp_path: Path, extension: str) -> None:
    samples = decode(write(tmp_path / f"a.{extension}", tone(2.0, 440, 44_100), 44_100), 16_000).samples[8000:24_000]
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 440
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = tone(1.0, 200), tone(1.0, 300)
    audio = decode(write(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT"), 16_000)
    np.testing.assert_allclose(audio.samples, (left + right) / 2, atol=1e-4)


def test_a_file_longer_than_a_read_block_is_resampled_without_a_seam(tmp_path: Path) -> None:
    audio = decode(write(tmp_path / "a.wav", tone(10.0, 440, 44_100), 44_100, "FLOAT"), 16_000)
    np.testing.assert_allclose(audio.samples[800:-800], tone(10.0, 440)[800:-800], atol=1e-3)


@pytest.mark.parametrize(
    ("subtype", "rate", "channels"),
    [("PCM_U8", 16_000, 1), ("PCM_24", 96_000, 2), ("PCM_16", 48_000, 6), ("FLOAT", 8_000, 1), ("PCM_32", 192_000, 1)],
)
def test_unusual_wavs_decode(tmp_path: Path, subtype: str, rate: int, channels: int) -> None:
    samples = np.repeat(tone(1.0, 440, rate)[:, None], channels, axis=1)
    audio = decode(write(tmp_path / "a.wav", samples, rate, subtype), 16_000)
    assert len(audio.samples) == pytest.approx(16_000, abs=2)
    assert np.sqrt(np.mean(audio.samples[1000:-1000] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_an_empty_file_is_named_empty(tmp_path: Path) -> None:
    (tmp_path / "a.wav").touch()
    assert reason_for(tmp_path / "a.wav") is Reason.EMPTY


@pytest.mark.parametrize("extension", CONTAINERS)
def test_text_named_like_audio_is_named_unreadable(tmp_path: Path, extension: str) -> None:
    (tmp_path / f"a.{extension}").write_text("Dear producer, please find the loop attached.\n" * 50)
    assert reason_for(tmp_path / f"a.{extension}") is Reason.UNREADABLE


def test_a_folder_named_like_audio_is_named_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.wav").mkdir()
    assert reason_for(tmp_path / "a.wav") is Reason.UNREADABLE


@pytest.mark.parametrize("extension", ["wav", "flac", "aiff", "ogg", "mp3"])
def test_a_file_cut_in_half_is_named_truncated(tmp_path: Path, extension: str) -> None:
    assert reason_for(cut_in_half(write(tmp_path / f"a.{extension}", noise(4.0)))) is Reason.TRUNCATED


def test_a_wav_with_more_chunks_behind_its_audio_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone(1.0))
    path.write_bytes(path.read_bytes() + b"note" + struct.pack("<I", 4) + b"abcd")
    assert decode(path, 16_000).duration_s == 1.0


def test_a_quarter_of_a_second_is_long_enough_and_less_is_not(tmp_path: Path) -> None:
    assert decode(write(tmp_path / "enough.wav", tone(0.25)), 16_000).duration_s == 0.25
    assert reason_for(write(tmp_path / "less.wav", tone(0.24))) is Reason.TOO_SHORT
    assert reason_for(write(tmp_path / "none.wav", tone(0.0))) is Reason.TOO_SHORT


def test_silence_is_named_silent_and_minus_70_decibels_is_not(tmp_path: Path) -> None:
    assert reason_for(write(tmp_path / "a.wav", np.zeros(16_000))) is Reason.SILENT
    assert reason_for(write(tmp_path / "b.wav", tone() * 1e-4, subtype="FLOAT")) is Reason.SILENT
    assert len(decode(write(tmp_path / "c.wav", tone() * 6e-4, subtype="FLOAT"), 16_000).samples) == 16_000


@pytest.mark.parametrize("rate", [RATE, 44_100])
@pytest.mark.parametrize("offset", [0.2, -0.9])
def test_a_constant_offset_is_silent_with_hiss_and_not_with_sound(tmp_path: Path, rate: int, offset: float) -> None:
    hiss = offset + noise(4.0, rate) * 1e-4
    assert reason_for(write(tmp_path / "a.wav", hiss, rate, "PCM_24")) is Reason.SILENT
    audio = decode(write(tmp_path / "b.wav", offset + 0.1 * tone(4.0, 440, rate), rate, "PCM_24"), 16_000)
    assert audio.duration_s == 4.0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_single_sample_that_is_no_number_is_named_nonfinite(tmp_path: Path, value: float) -> None:
    samples = tone()
    samples[5000] = value
    assert reason_for(write(tmp_path / "a.wav", samples, subtype="FLOAT")) is Reason.NONFINITE


def test_a_file_that_is_not_there_is_named_vanished(tmp_path: Path) -> None:
    assert reason_for(tmp_path / "gone.wav") is Reason.VANISHED
    assert reason_for(write(tmp_path / "a.wav", tone()) / "b.wav") is Reason.VANISHED


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named_permission(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", tone())
    path.chmod(0)
    assert reason_for(path) is Reason.PERMISSION


def test_decoding_never_touches_the_file() -> None:
    path = LOOPS / "loop_tabla.ogg"
    before = hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns
    decode(path, 16_000)
    assert (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns) == before


def test_decoding_gives_the_same_samples_each_time() -> None:
    first, second = (decode(LOOPS / "loop_tabla.ogg", 16_000).samples for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_real_audio_has_the_duration_of_its_header() -> None:
    path = LOOPS / "loop_amen_full_140bpm.ogg"
    assert decode(path, 16_000).duration_s == pytest.approx(soundfile.info(path).duration)


def test_blocks_are_the_whole_and_have_its_digest() -> None:
    path = LOOPS / "loop_amen_full_140bpm.ogg"
    whole, sound = decode(path, 16_000), Sound(path, 16_000)
    blocks = list(sound.blocks())
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), whole.samples)
    assert (sound.digest, sound.duration_s) == (whole.digest, whole.duration_s)
    steps = np.clip(np.rint(whole.samples * np.float32(32767)), -32768, 32767).astype("<i2")
    assert whole.digest == hashlib.sha256(steps.tobytes()).hexdigest()


def test_a_cut_is_that_stretch_of_the_whole() -> None:
    path = LOOPS / "loop_amen_full_140bpm.ogg"
    whole, cut = decode(path, 16_000).samples, decode_cut(path, 16_000, 1.0, 0.5)
    assert len(cut) == 8000
    np.testing.assert_allclose(cut[400:-400], whole[16_400:23_600], atol=2e-3)


def test_an_audio_error_keeps_its_reason_across_processes() -> None:
    error = pickle.loads(pickle.dumps(AudioError(Reason.SILENT, "peak below -80 dBFS")))
    assert (error.reason, str(error)) == (Reason.SILENT, "peak below -80 dBFS")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "gone"), Reason.VANISHED),
        (PermissionError(13, "no"), Reason.PERMISSION),
        (OSError(5, "Input/output error"), Reason.UNREADABLE),
    ],
)
def test_what_the_operating_system_says_has_a_reason_code(error: OSError, reason: Reason) -> None:
    assert AudioError.from_os_error(error).reason is reason


@pytest.fixture(scope="module")
def mp3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of stereo music as MP3."""
    path = tmp_path_factory.mktemp("mp3") / "music.mp3"
    music, rate = soundfile.read(TRACKS / "loop_arrangement.ogg", frames=12 * 44_100, dtype="float32", always_2d=True)
    soundfile.write(path, np.repeat(music[:, :1], 2, axis=1), rate, format="MP3")
    return path


def test_an_mp3_read_in_blocks_is_the_mp3_read_at_once(mp3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.audio.libsndfile._BLOCK_FRAMES", 1 << 14)
    at_once, _ = soundfile.read(mp3, dtype="float32")
    np.testing.assert_array_equal(np.concatenate(list(open_reader(mp3).blocks())), at_once)


@pytest.mark.parametrize("start", [0, 1_000, 100_000, 333_333])
def test_a_cut_of_an_mp3_is_that_part_of_the_whole(mp3: Path, start: int) -> None:
    at_once, _ = soundfile.read(mp3, dtype="float32")
    cut = np.concatenate(list(open_reader(mp3).blocks(start, 50_000)))
    np.testing.assert_allclose(cut, at_once[start : start + 50_000], atol=1e-5)
