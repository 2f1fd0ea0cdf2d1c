import contextlib
import io
import random
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tasks.http.client import RetryPolicy
from tasks.http.remote_zip import RangesIgnoredError, RemoteZip, ZipError, file_ranges, http_ranges
from tasks.sources.zenodo import read_record
from tests.doubles.zenodo import RECORD, Zenodo, zenodo

AT_ONCE = RetryPolicy(attempts=3, sleep=lambda _: None)


def archive_of(members: dict[str, bytes], comment: bytes = b"", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip whose every member has ZIP64 sizes, as a writer makes it that does not know them beforehand."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, content in members.items():
            with archive.open(name, "w", force_zip64=True) as member:
                member.write(content)
    return buffer.getvalue()


def zip64_of(members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A zip that Python's own writer gives ZIP64 sizes, places and end, as if it were larger than it is."""
    with monkeypatch.context() as limits:
        limits.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 100)
        limits.setattr(zipfile, "ZIP64_LIMIT", 100)
        archive = archive_of(members)
    assert archive.count(b"PK\x06\x06") == archive.count(b"PK\x06\x07") == 1
    return archive


def opened(double: Zenodo) -> RemoteZip:
    session = requests.Session()
    file = read_record(double.url, RECORD, session, AT_ONCE)["a.zip"]
    return RemoteZip(http_ranges(file, session, AT_ONCE), file.size)


def in_memory(archive: bytes) -> RemoteZip:
    return RemoteZip(lambda start, end: archive[start:end], len(archive))


def test_twenty_loops_of_two_thousand_cost_twenty_loops_and_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    luck = random.Random(3)
    members = {f"audio/wav/{number}_7.wav.wav": luck.randbytes(luck.randrange(500, 6000)) for number in range(2000)}
    archive = zip64_of(members, monkeypatch)
    wanted = luck.sample(sorted(members), 20)
    with zipfile.ZipFile(io.BytesIO(archive)) as known:
        directory = len(archive) - known.start_dir
        needed = directory + sum(known.getinfo(name).compress_size for name in wanted)
    with zenodo({"a.zip": archive}) as double:
        remote = opened(double)
        assert len(remote.names) == 2000
        for name in wanted:
            assert remote.read(name) == members[name]
        print(f"{double.bytes_sent} bytes for {needed} of directory and members, of {len(archive)}")
        assert double.bytes_sent <= 1.05 * needed
        assert len(double.asked) == 1 + 2 + 20


def test_members_that_lie_behind_four_gigabytes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        file.seek((1 << 32) + 7)  # a hole, which takes no room on the disk
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a", b"abc" * 50)
            archive.writestr("b", b"def")
    remote = RemoteZip(file_ranges(path), path.stat().st_size)
    assert [remote.read(name) for name in remote.names] == [b"abc" * 50, b"def"]


def test_members_are_read_from_several_threads_at_once() -> None:
    members = {f"{number}.bin": random.Random(number).randbytes(3000) for number in range(40)}
    with zenodo({"a.zip": archive_of(members)}) as double, ThreadPoolExecutor(8) as threads:
        assert dict(zip(members, threads.map(opened(double).read, members), strict=True)) == members


def test_a_member_that_was_cut_is_asked_for_again() -> None:
    with zenodo({"a.zip": archive_of({"a": b"x" * 9000})}) as double:
        remote = opened(double)
        double.cuts = [40, 0]
        assert remote.read("a") == b"x" * 9000


def test_a_server_without_ranges_is_named_so_that_the_file_can_be_had_whole() -> None:
    with zenodo({"a.zip": archive_of({"a": b"x"})}) as double:
        double.ranges = False
        with pytest.raises(RangesIgnoredError, match="does not send parts"):
            opened(double)


def test_an_archive_on_this_machine_is_read_the_same_way(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(archive_of({"dir/": b"", "a": b"abc"}))
    size = (tmp_path / "a.zip").stat().st_size
    remote = RemoteZip(file_ranges(tmp_path / "a.zip"), size)
    assert (remote.names, remote.read("a")) == (["a"], b"abc")


@pytest.mark.parametrize("comment", [b"", b"a comment " * 6000])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_comments_and_both_methods_are_read(comment: bytes, method: int) -> None:
    assert in_memory(archive_of({"a": b"abc" * 500}, comment, method)).read("a") == b"abc" * 500


def test_a_changed_byte_is_noticed() -> None:
    archive = bytearray(archive_of({"a": random.Random(0).randbytes(1000)}, method=zipfile.ZIP_STORED))
    archive[500] ^= 1
    with pytest.raises(ZipError, match="a: its size or CRC"):
        in_memory(bytes(archive)).read("a")


def test_what_is_no_archive_is_refused() -> None:
    for content in (b"", b"no archive", bytes(5000), archive_of({"a": b"x"})[:-5]):
        with pytest.raises(ZipError, match="directory cannot be read"):
            in_memory(content)


@given(st.data())
def test_a_damaged_archive_gives_its_members_or_an_error(data: st.DataObject) -> None:
    archive = bytearray(archive_of({"a": b"abc" * 50, "b": b"def"}))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ZipError):
        remote = in_memory(bytes(archive))
        for name in remote.names:
            remote.read(name)
