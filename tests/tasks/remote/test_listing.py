"""Listing a bucket or server: what is there, which version of it, and what is passed over."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from storage.errors import UserError
from tasks.labelling.finding import find_objects, find_places
from tasks.remote.listing import Listing, described, look_at_urls
from tasks.remote.reading import fetched
from tests.doubles.s3 import SECRET, Bucket, environment, serve_bucket
from tests.doubles.serving import serve


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        for key in (
            "kit/kick_120bpm.wav",
            "kit/snare.wav",
            "kit/._snare.wav",
            "notes.txt",
            ".trash/a.wav",
            ".trash/b.wav",
        ):
            served.put(key, key.encode())
        yield served


def test_a_listing_tells_size_time_and_the_digest_of_the_content_and_reads_nothing(bucket: Bucket) -> None:
    listing = Listing("s3://music")
    kick, snare = listing.audio()
    assert (kick.url, snare.url) == ("s3://music/kit/kick_120bpm.wav", "s3://music/kit/snare.wav")
    assert (kick.size, kick.identity) == (19, f"md5:{hashlib.md5(b'kit/kick_120bpm.wav').hexdigest()}")
    assert kick.mtime_ns is not None
    assert kick.mtime_ns > 0
    assert not bucket.reads


def test_what_belongs_to_no_library_is_passed_over_as_on_a_disk_and_a_folder_counts_once(bucket: Bucket) -> None:
    listing = Listing("s3://music")
    list(listing.audio())
    assert dict(listing.omissions.kinds) == {"no_audio": 1, "appledouble": 1, "waste_basket": 1}


def test_a_url_may_name_one_object_and_two_urls_find_each_object_once(bucket: Bucket) -> None:
    assert find_objects(["s3://music/kit/snare.wav"]).table["path"].to_pylist() == ["s3://music/kit/snare.wav"]
    assert len(find_objects(["s3://music/kit", "s3://music"]).table) == 2
    assert find_objects(["s3://music/kit"]).table["name_bpm"].to_pylist() == [120.0, None]


def test_a_name_is_read_as_it_was_written_whatever_is_in_it(bucket: Bucket, tmp_path: Path) -> None:
    names = ["a b+c%20d.wav", "ä & <ö>.wav", 'say "hi" 100%.wav', "日本.wav"]
    for name in names:
        bucket.put(f"odd/{name}", name.encode())
    listed = list(Listing("s3://music/odd").audio())
    assert sorted(one.url for one in listed) == sorted(f"s3://music/odd/{name}" for name in names)
    for one in listed:
        name = one.url.rpartition("/")[2].encode()
        assert one.identity == f"md5:{hashlib.md5(name).hexdigest()}"
        assert fetched(one.url, tmp_path / "read").path.read_bytes() == name
        bucket.remove(one.url.removeprefix("s3://music/"))


def test_a_bucket_is_listed_page_by_page_to_its_end(bucket: Bucket) -> None:
    bucket.million, bucket.lists = 2001, 0
    try:
        urls = find_objects(["s3://music/made-up"]).table["path"].to_pylist()
    finally:
        bucket.million = 0
    assert bucket.lists == 3
    assert len(set(urls)) == 2001
    assert urls[-1] == "s3://music/made-up/00020/track0002000_128bpm.wav"


@pytest.mark.parametrize("url", ["s3://music/nowhere", "s3://no-such-bucket", "s3://music/gone.wav"])
def test_what_is_not_there_is_named(bucket: Bucket, url: str) -> None:
    with pytest.raises(UserError, match=f"{url} is not there"):
        find_objects([url])


def test_a_bucket_that_does_not_answer_is_named_and_no_key_is_shown(bucket: Bucket) -> None:
    nobody = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    with environment(nobody), pytest.raises(UserError, match="s3://music cannot be reached") as error:
        find_objects(["s3://music"])
    assert SECRET not in str(error.value)


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    (tmp_path / "a b.wav").touch()
    assert find_places([f"file://{tmp_path}/a%20b.wav"]).table["path"].to_pylist() == [str(tmp_path / "a b.wav")]


def test_each_kind_of_store_says_its_version_in_its_own_words() -> None:
    then, nanoseconds = datetime(2026, 1, 2, tzinfo=UTC), 1_767_312_000_000_000_000
    digest = hashlib.md5(b"a").digest()
    for url, info in (
        ("s3://b/a.wav", {"ETag": f'"{digest.hex()}"', "LastModified": then}),
        ("gs://b/a.wav", {"md5Hash": "DMF1ucDxtqgxw5niaXcmYQ==", "mtime": "2026-01-02T00:00:00Z"}),
        ("az://b/a.wav", {"content_settings": {"content_md5": bytearray(digest)}, "last_modified": then}),
    ):
        listed = described(url, {"size": 1, **info})
        assert (listed.identity, listed.mtime_ns) == (f"md5:{digest.hex()}", nanoseconds), url
    parts = {"ETag": f'"{digest.hex()}-2"', "LastModified": then, "size": 1}
    served = {"ETag": '"abc"', "Last-Modified": "Fri, 02 Jan 2026 00:00:00 GMT", "size": 1}
    for url, info in (("s3://b/a.wav", parts), ("https://host/a.wav", served)):
        listed = described(url, info)
        assert listed.mtime_ns == nanoseconds
        assert str(listed.identity).startswith("version:")
        assert described(url, {**info, "ETag": '"other-2"'}).identity != listed.identity
        assert described(f"{url}2", info).identity != listed.identity


def test_objects_are_looked_at_in_order_and_one_that_is_gone_has_no_size(bucket: Bucket) -> None:
    urls = ["s3://music/kit/snare.wav", "s3://music/gone.wav", "s3://music/kit/kick_120bpm.wav"]
    looks = list(look_at_urls(urls))
    assert [(look.url, look.size) for look in looks] == list(zip(urls, [13, None, 19], strict=True))


def test_a_page_of_links_is_a_folder_and_each_file_is_asked_for_its_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "kit" / "deep").mkdir(parents=True)
    for name in ("a b.wav", "deep/c.wav", "notes.txt"):
        (tmp_path / "kit" / name).write_bytes(name.encode())

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *words: Any) -> None:
            super().__init__(*words, directory=str(tmp_path))

        def log_message(self, *_: object) -> None: ...

    with serve(Quiet) as address:
        table = find_objects([f"{address}/kit"]).table
        again = find_objects([f"{address}/kit"]).table
    paths, sizes = table["path"].to_pylist(), table["size"].to_pylist()
    assert dict(zip(paths, sizes, strict=True)) == {f"{address}/kit/a%20b.wav": 7, f"{address}/kit/deep/c.wav": 10}
    assert None not in table["mtime_ns"].to_pylist()
    assert again == table
