"""FLACs are heard to their end, whatever number of frames their header names; one not reached is a truncation."""

from pathlib import Path

import numpy as np
import pytest

from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode
from tasks.audio.readers import open_reader
from tests.support.audio_files import ID3V1, ape, encoded, flac_of_length, id3v2
from tests.support.dummies import noise

RATE = 44_100
FRAMES = 3 * RATE


@pytest.fixture(scope="module")
def flac(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return encoded(tmp_path_factory.mktemp("flac") / "a.flac", noise(3.0, RATE), RATE)


def frames_of(path: Path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    return np.concatenate(list(open_reader(path).blocks()))


def reason(path: Path, content: bytes) -> Reason:
    path.write_bytes(content)
    with pytest.raises(AudioError) as caught:
        decode(path, 16_000)
    return caught.value.reason


@pytest.mark.parametrize("named", [0, FRAMES // 2, FRAMES - 1, FRAMES + 441])
def test_a_number_that_is_not_known_or_too_small_is_no_reason_to_stop(tmp_path: Path, flac: bytes, named: int) -> None:
    whole = frames_of(tmp_path / "a.flac", flac)
    assert len(whole) == FRAMES
    np.testing.assert_array_equal(frames_of(tmp_path / "a.flac", flac_of_length(flac, named)), whole)


@pytest.mark.parametrize("named", [FRAMES + 442, 2 * FRAMES, (1 << 36) - 1])
def test_a_number_that_is_not_reached_is_truncated(tmp_path: Path, flac: bytes, named: int) -> None:
    assert reason(tmp_path / "a.flac", flac_of_length(flac, named)) is Reason.TRUNCATED


@pytest.mark.parametrize("named", [0, FRAMES])
def test_a_flac_that_is_cut_is_truncated(tmp_path: Path, flac: bytes, named: int) -> None:
    for kept in (len(flac) // 2, len(flac) - 1):
        assert reason(tmp_path / "a.flac", flac_of_length(flac, named)[:kept]) is Reason.TRUNCATED


@pytest.mark.parametrize("named", [0, FRAMES])
def test_tags_of_other_formats_change_nothing(tmp_path: Path, flac: bytes, named: int) -> None:
    dressed = id3v2() + flac_of_length(flac, named) + ape() + ID3V1
    np.testing.assert_array_equal(frames_of(tmp_path / "a.flac", dressed), frames_of(tmp_path / "a.flac", flac))


def test_blocks_of_another_size_than_the_header_names_are_decoded(tmp_path: Path, flac: bytes) -> None:
    wrong = flac[:8] + (512).to_bytes(2, "big") * 2 + flac[12:]
    np.testing.assert_array_equal(frames_of(tmp_path / "a.flac", wrong), frames_of(tmp_path / "a.flac", flac))


def test_a_cut_of_a_flac_of_unknown_length_is_that_stretch(tmp_path: Path, flac: bytes) -> None:
    path = tmp_path / "a.flac"
    whole = frames_of(path, flac_of_length(flac, 0))
    np.testing.assert_array_equal(np.concatenate(list(open_reader(path).blocks(70_000, 9_000))), whole[70_000:79_000])
