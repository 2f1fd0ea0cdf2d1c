"""URLs: which are taken, how the catalogue writes them, and which would show a key there."""

import pytest

from storage.errors import UserError
from storage.urls import checked_url, is_url, name_in, place_text


@pytest.mark.parametrize("path", ["/music/a.wav", "music", r"C:\a.wav", "a:b.wav", "s3:/bucket"])
def test_a_path_is_no_url(path: str) -> None:
    assert not is_url(path)


def test_a_url_is_kept_as_it_is_but_for_slashes_at_its_end_and_the_case_of_its_scheme() -> None:
    assert checked_url("S3://Music/a b/ü#1.wav") == "s3://Music/a b/ü#1.wav"
    assert checked_url("gs://music/") == "gs://music"
    assert place_text("file:///a%20b.wav") == "/a b.wav"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ftp://host/a.wav", "not a kind of URL"),
        ("s3:///a.wav", "names no bucket"),
        ("s3://key:secret@music/a.wav", "holds a user or a password"),
        ("https://me:secret@host/a.wav", "holds a user or a password"),
        ("sftp://me:secret@host/a.wav", "holds a user or a password"),
        ("https://host/a.wav?X-Amz-Signature=secret", "holds a query"),
    ],
)
def test_a_url_that_is_not_taken_says_why_and_shows_no_secret(url: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        checked_url(url)
    assert "secret" not in str(error.value)


def test_a_name_is_what_a_person_reads() -> None:
    assert name_in("https://host/a%20b.wav") == "a b.wav"
    assert name_in("s3://music/a%20b.wav") == "a%20b.wav"
