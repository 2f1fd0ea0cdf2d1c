"""Reading objects: in one request each, with patience, and with a reason for what cannot be read."""

import hashlib
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event, Thread
from unittest.mock import patch

import pytest

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError
from tasks.remote import reading
from tasks.remote.reading import LocalFile, fetched, local_files
from tests.doubles.s3 import SECRET, Bucket, environment, serve_bucket
from tests.doubles.serving import serve


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        for number in range(10):
            served.put(f"{number}.wav", os.urandom(100_000))
        yield served


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with patch.object(reading, "_FIRST_WAIT_S", 0.01):
        yield


def test_objects_come_in_order_each_read_once_and_no_more_than_a_few_lie_on_the_disk(bucket: Bucket) -> None:
    bucket.reads.clear()
    seen = []
    with local_files([f"s3://music/{number}.wav" for number in range(10)]) as files:
        for file in files:
            assert isinstance(file, LocalFile)
            assert file.content_hash == hashlib.sha256(file.path.read_bytes()).hexdigest()
            assert file.bytes_read == 100_000
            seen.append(file.path)
            assert sum(path.exists() for path in seen) == 1
            assert len(list(file.path.parents[1].rglob("*.wav"))) <= reading.AHEAD + 1
    assert [path.name for path in seen] == [f"{number}.wav" for number in range(10)]
    assert not seen[0].parents[1].exists()
    assert set(bucket.reads.values()) == {1}


def test_the_next_batch_reads_its_first_files_while_the_last_of_this_one_are_in_use_and_the_room_is_the_same(
    bucket: Bucket, tmp_path: Path
) -> None:
    read, all_there, over, on_disk = [], Event(), Event(), []

    def read_next() -> None:
        with local_files([f"s3://music/{number}.wav" for number in range(6, 10)]) as files:
            all_there.set()
            assert over.wait(60)
            read.extend(file.path.name for file in files if isinstance(file, LocalFile))

    following = Thread(target=read_next)
    with (
        patch("tempfile.tempdir", str(tmp_path)),
        local_files([f"s3://music/{number}.wav" for number in range(6)], following.start) as files,
    ):
        for file in files:
            assert isinstance(file, LocalFile)
            on_disk.append(len([path for path in tmp_path.rglob("*.wav") if path.is_file()]))
            if file.path.name == "5.wav":
                # This one is not over, and all that there is room for has begun.
                assert all_there.wait(60)
    over.set()
    following.join(60)
    assert read == ["6.wav", "7.wav", "8.wav", "9.wav"]
    assert max(on_disk) <= reading.AHEAD + 1


def test_a_batch_that_is_left_early_gives_its_room_back(bucket: Bucket) -> None:
    for _ in range(reading.AHEAD):
        with local_files(["s3://music/1.wav", "s3://music/2.wav", "s3://music/gone.wav"]) as files:
            assert isinstance(next(files), LocalFile)
    with local_files([f"s3://music/{number}.wav" for number in range(10)]) as files:
        assert len(list(files)) == 10


def test_a_path_is_itself_and_costs_no_scratch(tmp_path: Path) -> None:
    with local_files([str(tmp_path / "a.wav")]) as files:
        assert list(files) == [LocalFile(tmp_path / "a.wav")]


def test_what_is_gone_has_its_reason_and_stops_no_other(bucket: Bucket, tmp_path: Path) -> None:
    with local_files(["s3://music/gone.wav", str(tmp_path), "s3://music/1.wav"]) as files:
        gone, path, read = list(files)
    assert isinstance(gone, AudioError)
    assert gone.reason is Reason.VANISHED
    assert path == LocalFile(tmp_path)
    assert isinstance(read, LocalFile)


def test_a_store_that_throttles_and_cuts_is_asked_again_and_every_byte_arrives(bucket: Bucket, tmp_path: Path) -> None:
    bucket.throttled, bucket.cut, bucket.refused = 0.2, 0.2, 0
    try:
        for number in range(10):
            whole = fetched(f"s3://music/{number}.wav", tmp_path / "a.wav")
            assert whole.bytes_read == 100_000
    finally:
        bucket.throttled = bucket.cut = 0.0
    assert bucket.refused > 0


class Refusing(BaseHTTPRequestHandler):
    """Answers with the status that the path names."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        self.send_response(int(self.path.strip("/").partition(".")[0]))
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"none")

    def log_message(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    ("status", "reason", "asked"),
    [(403, Reason.PERMISSION, 1), (404, Reason.VANISHED, 1), (429, Reason.THROTTLED, 5), (500, Reason.NETWORK, 5)],
)
def test_a_refusal_has_its_reason_and_only_one_that_may_pass_is_tried_again(
    tmp_path: Path, status: int, reason: Reason, asked: int
) -> None:
    Refusing.asked = 0
    with serve(Refusing) as address, pytest.raises(AudioError) as error:
        fetched(f"{address}/{status}.wav", tmp_path / "a.wav")
    assert (error.value.reason, Refusing.asked) == (reason, asked)
    assert SECRET not in str(error.value)


def test_what_is_too_large_is_refused_before_its_first_byte_is_kept(bucket: Bucket, tmp_path: Path) -> None:
    with patch.object(reading, "MOST_BYTES", 1000), pytest.raises(AudioError) as error:
        fetched("s3://music/1.wav", tmp_path / "a.wav")
    assert error.value.reason is Reason.TOO_LONG
    assert not (tmp_path / "a.wav").exists()
