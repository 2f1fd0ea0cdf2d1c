"""Ogg files are heard from their first stream to their last, and are truncated where their last page is not whole."""

from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode
from tasks.audio.readers import open_reader
from tests.support.audio_files import ID3V1, encoded, encoded_by_ffmpeg, id3v2, ogg_pages
from tests.support.dummies import noise, tone

RATE = 48_000


@pytest.fixture(scope="module")
def oggs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two seconds of each codec."""
    folder = tmp_path_factory.mktemp("oggs")
    return {
        "vorbis": encoded(folder / "a.ogg", noise(2.0, RATE), RATE, subtype="VORBIS"),
        "opus": encoded(folder / "b.ogg", noise(2.0, RATE, seed=1), RATE, subtype="OPUS"),
        "flac": encoded_by_ffmpeg(folder / "c.oga", noise(2.0, RATE, seed=2), RATE, "flac", "ogg"),
    }


def frames_of(path: Path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    return np.concatenate(list(open_reader(path).blocks()))


def reason(path: Path, content: bytes) -> Reason:
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    return caught.value.reason


@pytest.mark.parametrize("codec", ["vorbis", "opus", "flac"])
def test_an_ogg_is_whole_until_it_is_cut(tmp_path: Path, oggs: dict[str, bytes], codec: str) -> None:
    path, content = tmp_path / "a.ogg", oggs[codec]
    assert len(frames_of(path, content)) == 2 * RATE
    for share in (0.9, 0.5, 0.2):
        assert reason(path, content[: round(share * len(content))]) is Reason.TRUNCATED
    assert reason(path, content[:-1]) is Reason.TRUNCATED
    *pages, _ = ogg_pages(content)
    assert reason(path, b"".join(pages)) is Reason.TRUNCATED


@pytest.mark.parametrize("codec", ["vorbis", "opus", "flac"])
def test_tags_before_and_behind_change_nothing(tmp_path: Path, oggs: dict[str, bytes], codec: str) -> None:
    path, content = tmp_path / "a.ogg", oggs[codec]
    np.testing.assert_array_equal(frames_of(path, id3v2() + content + ID3V1), frames_of(path, content))


@pytest.mark.parametrize("chain", [("vorbis", "vorbis"), ("flac", "flac"), ("opus", "vorbis", "flac")])
def test_a_chain_is_heard_link_by_link(tmp_path: Path, oggs: dict[str, bytes], chain: tuple[str, ...]) -> None:
    path = tmp_path / "a.ogg"
    links = [frames_of(path, oggs[codec]) for codec in chain]
    np.testing.assert_array_equal(frames_of(path, b"".join(oggs[codec] for codec in chain)), np.concatenate(links))


def test_a_link_of_another_rate_is_heard_at_the_rate_of_the_first(tmp_path: Path) -> None:
    slow = encoded(tmp_path / "a.ogg", tone(2.0, 440, 22_050), 22_050)
    fast = encoded(tmp_path / "b.ogg", tone(2.0, 880, RATE), RATE)
    (tmp_path / "c.ogg").write_bytes(slow + fast)
    audio = decode(tmp_path / "c.ogg", 16_000)
    assert audio.duration_s == pytest.approx(4.0, abs=1e-3)
    assert int(np.abs(np.fft.rfft(audio.samples[40_000:56_000])).argmax()) == 880


def test_of_streams_side_by_side_the_first_is_heard(tmp_path: Path, oggs: dict[str, bytes]) -> None:
    path = tmp_path / "a.ogg"
    heard, other = list(ogg_pages(oggs["vorbis"])), list(ogg_pages(oggs["opus"]))
    unknown = [page.replace(b"OpusHead", b"fishead\0") for page in other]
    alone = frames_of(path, oggs["vorbis"])
    for beside in (other, unknown):
        mixed = [heard[0], beside[0], *(page for pair in zip(heard[1:-1], beside[1:], strict=False) for page in pair)]
        mixed += heard[1 + len(mixed) // 2 - 1 :]
        np.testing.assert_array_equal(frames_of(path, b"".join(_each_once(mixed))), alone)


def _each_once(pages: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(pages))


def test_a_page_that_is_lost_is_truncated(tmp_path: Path, oggs: dict[str, bytes]) -> None:
    pages = list(ogg_pages(oggs["vorbis"]))
    assert reason(tmp_path / "a.ogg", b"".join(pages[:4] + pages[5:])) is Reason.TRUNCATED
