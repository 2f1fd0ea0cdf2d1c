import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from tasks.http.client import GoneError, RequestError, RetryPolicy, TransientError
from tasks.http.resumable_download import RemoteFile, download, split_checksum
from tasks.sources.zenodo import read_record
from tests.doubles.zenodo import RECORD, Zenodo, zenodo

CONTENT = random.Random(1).randbytes(300_000)
AT_ONCE = RetryPolicy(attempts=3, sleep=lambda _: None)


def file_of(double: Zenodo, name: str = "a.zip") -> RemoteFile:
    return read_record(double.url, RECORD, requests.Session(), AT_ONCE)[name]


def fetch(double: Zenodo, target: Path) -> Path:
    return download(file_of(double), target, requests.Session(), AT_ONCE)


def test_a_file_is_downloaded_once(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        assert fetch(double, tmp_path / "x" / "a.zip").read_bytes() == CONTENT
        sent = double.bytes_sent
        fetch(double, tmp_path / "x" / "a.zip")
        assert double.bytes_sent - sent < 1000
        assert [path.name for path in (tmp_path / "x").iterdir()] == ["a.zip"]


@pytest.mark.parametrize("cut", [0, 1, 1000, 299_999])
def test_a_download_that_was_cut_anywhere_goes_on_from_there(tmp_path: Path, cut: int) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        double.cuts = [cut]
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT
        assert double.bytes_sent < len(CONTENT) + 2000 + (1 << 14)


def test_a_download_that_is_cut_at_any_byte_again_and_again_comes_whole(tmp_path: Path) -> None:
    luck = random.Random(5)
    for number in range(40):
        with zenodo({"a.zip": CONTENT}) as double:
            double.cuts = [luck.randrange(60_000) for _ in range(4)]
            received: list[int] = []
            target = tmp_path / str(number) / "a.zip"
            download(file_of(double), target, requests.Session(), replace(AT_ONCE, attempts=9), received.append)
            assert target.read_bytes() == CONTENT
            assert sum(received) == len(CONTENT)
            assert [path.name for path in target.parent.iterdir()] == ["a.zip"]


def test_a_part_left_by_a_killed_process_is_taken_up(tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:200_000])
    with zenodo({"a.zip": CONTENT}) as double:
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT
        assert double.bytes_sent < 102_000


def test_many_cuts_with_progress_between_them_do_not_wear_out_patience(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        double.cuts = [20_000] * 10
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_server_that_ignores_ranges_starts_the_file_again(tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(b"something else")
    with zenodo({"a.zip": CONTENT}) as double:
        double.ranges = False
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_whole_part_is_only_checked(tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT)
    with zenodo({"a.zip": CONTENT}) as double:
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT
        assert all("files" not in path for path, _ in double.asked)


def test_a_part_longer_than_the_file_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "a.zip.part").write_bytes(CONTENT + b"more")
    with zenodo({"a.zip": CONTENT}) as double:
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_file_with_a_wrong_digest_is_never_named(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        double.wrong_digest = True
        with pytest.raises(RequestError, match=r"a\.zip: its md5 is .* the record says"):
            fetch(double, tmp_path / "a.zip")
        assert list(tmp_path.iterdir()) == []


def test_a_longer_file_than_was_said_is_refused(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        short = replace(file_of(double), size=1000)
        with pytest.raises(RequestError, match="more bytes came"):
            download(short, tmp_path / "a.zip", requests.Session(), AT_ONCE)


def test_a_server_that_only_fails_is_given_up(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        file = file_of(double)
        double.statuses = [500, 503, 429, 200]
        with pytest.raises(TransientError, match="answered 429"):
            download(file, tmp_path / "a.zip", requests.Session(), AT_ONCE)


def test_a_record_is_read_in_its_old_form_too(tmp_path: Path) -> None:
    with zenodo({"a.zip": CONTENT}) as double:
        double.old_names = True
        file = file_of(double)
        assert (file.size, file.checksum) == (len(CONTENT), hashlib.md5(CONTENT).hexdigest())
        assert fetch(double, tmp_path / "a.zip").read_bytes() == CONTENT


def test_a_record_that_is_not_there_says_so() -> None:
    with zenodo({}) as double, pytest.raises(GoneError, match="records/7"):
        read_record(double.url, 7, requests.Session(), AT_ONCE)


def test_a_refused_connection_is_a_fault_that_may_pass() -> None:
    with zenodo({}) as double:
        address = double.url
    with pytest.raises(TransientError, match="ConnectionError"):
        read_record(address, RECORD, requests.Session(), AT_ONCE)


def test_waits_grow_jitter_and_obey_the_server() -> None:
    retries = RetryPolicy(first_wait_s=1, longest_wait_s=5, luck=lambda: 1.0)
    assert [retries.wait_s(attempt, TransientError("")) for attempt in range(4)] == [1, 2, 4, 5]
    assert replace(retries, luck=lambda: 0.0).wait_s(1, TransientError("")) == 1
    assert retries.wait_s(0, TransientError("", wait_s=17)) == 17


@pytest.mark.parametrize(
    ("text", "kind"), [("md5:" + "a" * 32, "md5"), ("b" * 64, "sha256"), ("MD5:" + "A" * 32, "md5")]
)
def test_a_checksum_tells_its_kind(text: str, kind: str) -> None:
    assert split_checksum(text)[0] == kind


def test_a_checksum_of_no_known_kind_is_refused() -> None:
    with pytest.raises(RequestError, match="crc32"):
        split_checksum("crc32:abcd")
