import struct
from pathlib import Path

import pytest

from tasks.metadata.chunks import Chunks, read_chunks
from tests.support.chunked_files import acid, aiff, basc, big_wav, caf, chunk, wav
from tests.support.dummies import noise, tone, write

WANTED = {b"acid", b"basc", b"info"}


def read(folder: Path, content: bytes) -> Chunks:
    (folder / "a").write_bytes(content)
    return read_chunks(folder / "a", WANTED)


def test_what_is_asked_for_is_read_and_the_rest_is_only_measured(tmp_path: Path) -> None:
    chunks = read(tmp_path, wav(tone(1.0), acid(120, 4), chunk(b"JUNK", bytes(7))))
    assert (chunks.format, chunks.order, list(chunks.bodies)) == ("wav", "<", [b"acid"])
    assert len(chunks.bodies[b"acid"][0]) == 24
    assert chunks.sizes == {b"fmt ": 16, b"acid": 24, b"JUNK": 7, b"data": 32_000}


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
def test_chunks_behind_the_audio_of_a_wav_beyond_four_gigabytes_are_found(tmp_path: Path, form: bytes) -> None:
    chunks = read(tmp_path, big_wav(tone(1.0), acid(120, 4), form=form))
    assert (chunks.sizes[b"data"], b"acid" in chunks.bodies) == (32_000, True)


def test_aiff_and_caf_have_their_numbers_the_other_way_round(tmp_path: Path) -> None:
    assert read(tmp_path, aiff(tone(1.0), basc(4))).first(b"basc", 84) is not None
    chunks = read(tmp_path, caf(tone(1.0), info=b"\0\0\0\0"))
    assert (chunks.format, chunks.bodies) == ("caf", {b"info": [b"\0\0\0\0"]})


def test_a_chunk_of_odd_length_whose_padding_somebody_forgot_does_not_hide_the_next(tmp_path: Path) -> None:
    unpadded = b"note" + struct.pack("<I", 3) + b"abc"
    assert b"acid" in read(tmp_path, wav(tone(1.0), unpadded, acid(120, 4))).bodies


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_behind_audio_of_an_open_length_nothing_is_looked_for(tmp_path: Path, size: int) -> None:
    head = b"RIFF" + bytes(4) + b"WAVE" + acid(120, 4)
    chunks = read(tmp_path, head + b"data" + struct.pack("<I", size) + bytes(64) + acid(90, 4))
    assert len(chunks.bodies[b"acid"]) == 1


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_file_that_ends_anywhere_keeps_what_stands_before(tmp_path: Path, cut: int) -> None:
    assert set(read(tmp_path, wav(tone(1.0), acid(120, 4))[: 12 + cut]).bodies) <= {b"acid"}


def test_a_chunk_that_states_more_than_the_file_has_ends_the_walk(tmp_path: Path) -> None:
    lie = b"acid" + struct.pack("<I", 0x7FFFFFF0) + bytes(24)
    assert read(tmp_path, wav(tone(0.1), lie)).bodies == {}
    assert read(tmp_path, b"caff\0\1\0\0info" + struct.pack(">q", 2**63 - 1)).bodies == {}
    assert read(tmp_path, b"caff\0\1\0\0info" + struct.pack(">q", -5)).bodies == {}


def test_what_is_no_file_of_chunks_or_no_file_has_none(tmp_path: Path) -> None:
    assert read_chunks(write(tmp_path / "a.flac", noise(1.0)), WANTED) == Chunks()
    assert read_chunks(tmp_path / "gone.wav", WANTED) == read_chunks(tmp_path, WANTED) == Chunks()
    assert read(tmp_path, b"") == read(tmp_path, b"RIFF") == Chunks()
