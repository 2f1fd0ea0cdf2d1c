"""WAV, RF64, BW64, W64, AIFF and CAF are read as far as they go, and truncated where they break their promise."""

from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode
from tests.support.audio_files import aiff, caf, chunk, encoded, id3v2, pcm16, rf64, wav
from tests.support.dummies import tone

RATE = 44_100
SOUND = tone(2.0, 440, RATE)
DATA = pcm16(SOUND)
TEN_MS = 882
OPEN_SIZES = [0, 0xFFFFFFFF, 0xFFFFFFDB, 0x7FFFFFFF, 0x7FFFF000, 0x80000000]


def duration(path: Path, content: bytes) -> float:
    """Seconds of a file whose sound must be the tone."""
    path.write_bytes(content)
    audio = decode(path, 16_000)
    np.testing.assert_allclose(audio.samples[800:8_000], tone(2.0)[800:8_000], atol=2e-3)
    return audio.duration_s


def reason(path: Path, content: bytes) -> Reason:
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    return caught.value.reason


@pytest.mark.parametrize("size", OPEN_SIZES)
@pytest.mark.parametrize("before", [b"", chunk(b"LIST", b"INFOISFT\x04\0\0\0abcd")], ids=["plain", "list"])
def test_a_wav_whose_size_was_left_open_goes_on_to_the_end(tmp_path: Path, size: int, before: bytes) -> None:
    assert duration(tmp_path / "a.wav", wav(DATA, RATE, size, before)) == pytest.approx(2.0, abs=1e-4)


def test_a_wav_of_no_audio_and_further_chunks_has_none(tmp_path: Path) -> None:
    nothing = wav(b"", RATE, behind=chunk(b"LIST", b"INFO"))
    assert reason(tmp_path / "a.wav", nothing) is Reason.TOO_SHORT


@pytest.mark.parametrize(
    "content",
    [
        lambda cut, size: wav(DATA[:cut], RATE, size),
        lambda cut, size: rf64(DATA[:cut], RATE, size=size),
        lambda cut, size: rf64(DATA[:cut], RATE, b"BW64", size),
        lambda cut, size: aiff(SOUND[: cut // 2], RATE, size, len(SOUND)),
        lambda cut, size: caf(DATA[:cut], RATE, size + 4),
    ],
    ids=["wav", "rf64", "bw64", "aiff", "caf"],
)
def test_ten_milliseconds_may_be_missing_and_no_more(tmp_path: Path, content) -> None:  # type: ignore[no-untyped-def]
    path, size = tmp_path / "a", len(DATA)
    assert duration(path, content(size, size)) == 2.0
    assert duration(path, content(size, size + 28)) == 2.0
    assert duration(path, content(size - TEN_MS, size)) == pytest.approx(1.99, abs=1e-4)
    assert reason(path, content(size - TEN_MS - 4, size)) is Reason.TRUNCATED
    assert reason(path, content(size // 2, size)) is Reason.TRUNCATED


@pytest.mark.parametrize("mark", [b"RF64", b"BW64"])
def test_a_long_wav_whose_size_was_left_open_goes_on_to_the_end(tmp_path: Path, mark: bytes) -> None:
    assert duration(tmp_path / "a.wav", rf64(DATA, RATE, mark, 0)) == 2.0


@pytest.mark.parametrize(("missing", "is_whole"), [(0, True), (400, True), (4_000, False)])
@pytest.mark.parametrize("extension", ["w64", "au", "rf64"])
def test_what_libsndfile_writes_is_whole_until_it_is_cut(
    tmp_path: Path, extension: str, missing: int, is_whole: bool
) -> None:
    content = encoded(tmp_path / f"a.{extension}", SOUND, RATE)
    shortened = content[: len(content) - missing]
    if is_whole:
        assert duration(tmp_path / "b", shortened) == pytest.approx(2.0, abs=0.01)
    else:
        assert reason(tmp_path / "b", shortened) is Reason.TRUNCATED


@pytest.mark.parametrize("size", [-8, 0, 0x7F000000, 0x7FFFFFF0, 0xFFFFFFF0])
@pytest.mark.parametrize("frames", [0, len(SOUND)])
def test_an_aiff_whose_size_was_left_open_goes_on_to_the_end(tmp_path: Path, size: int, frames: int) -> None:
    assert duration(tmp_path / "a.aiff", aiff(SOUND, RATE, size, frames)) == 2.0


def test_of_two_sizes_in_an_aiff_the_one_that_holds_more_of_what_is_there_is_believed(tmp_path: Path) -> None:
    assert duration(tmp_path / "a.aiff", aiff(SOUND, RATE, len(DATA) // 2)) == 2.0
    assert duration(tmp_path / "a.aiff", aiff(SOUND, RATE, frames=len(SOUND) // 2)) == 2.0


def test_a_caf_whose_size_was_left_open_goes_on_to_the_end(tmp_path: Path) -> None:
    assert duration(tmp_path / "a.caf", caf(DATA, RATE, -1)) == 2.0


def test_a_tag_before_the_header_changes_nothing(tmp_path: Path) -> None:
    assert duration(tmp_path / "a.wav", id3v2() + wav(DATA, RATE)) == 2.0
