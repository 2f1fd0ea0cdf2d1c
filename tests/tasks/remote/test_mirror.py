"""A folder in a bucket, kept on the disk: brought once, and again only where it changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import UserError
from tasks.remote.mirror import mirror
from tests.doubles.s3 import Bucket, environment, serve_bucket


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with serve_bucket() as served, environment(served.settings()):
        for key in ("kit/a.wav", "kit/deep/b.wav", "kit/manifest.csv", "kit/notes.txt", "other/c.wav"):
            served.put(key, key.encode())
        yield served


def test_audio_and_manifest_are_brought_and_what_is_unchanged_is_not_read_again(bucket: Bucket, tmp_path: Path) -> None:
    folder = tmp_path / "kit"
    assert len(list(mirror("s3://music/kit", folder))) == 3
    brought = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert brought == {"a.wav", "deep/b.wav", "manifest.csv"}
    assert (folder / "a.wav").read_bytes() == b"kit/a.wav"
    bucket.put("kit/a.wav", b"another take")
    assert list(mirror("s3://music/kit", folder)) == ["s3://music/kit/manifest.csv", "s3://music/kit/a.wav"]
    assert (folder / "a.wav").read_bytes() == b"another take"
    assert bucket.reads["kit/deep/b.wav"] == 1


def test_a_folder_without_a_manifest_is_its_audio(bucket: Bucket, tmp_path: Path) -> None:
    assert list(mirror("s3://music/other", tmp_path / "other")) == ["s3://music/other/c.wav"]


def test_a_key_that_would_lead_out_of_the_folder_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("bad/../../a.wav", b"a")
    with pytest.raises(UserError, match="would lie outside"):
        list(mirror("s3://music/bad", tmp_path / "bad"))
