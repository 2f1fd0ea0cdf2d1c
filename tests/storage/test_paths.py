import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.paths import absolute, path_of, path_text

NAMES = st.one_of(
    st.binary(min_size=1),
    st.lists(st.sampled_from([b"\\", b"x", b"5c", b"e9", b"\xe9", b"\xc3\xa9", b"a"]), min_size=1).map(b"".join),
).filter(lambda name: b"\0" not in name and b"/" not in name and name not in (b".", b".."))


@given(NAMES)
def test_every_name_that_a_disk_can_hold_is_text_and_comes_back(name: bytes) -> None:
    text = path_text(os.fsdecode(name))
    text.encode("utf-8")
    assert os.fsencode(path_of(text)) == name


@given(NAMES, NAMES)
def test_no_two_names_are_the_same_text(one: bytes, other: bytes) -> None:
    assert (path_text(os.fsdecode(one)) == path_text(os.fsdecode(other))) == (one == other)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"kick.wav", "kick.wav"),
        ("Ελλάδα 🥁.wav".encode(), "Ελλάδα 🥁.wav"),
        (b"H\xe9mo.wav", r"H\xe9mo.wav"),
        (b"a\\b.wav", r"a\b.wav"),
        (rb"H\xe9mo.wav", r"H\x5cxe9mo.wav"),
    ],
)
def test_only_what_is_not_utf_8_or_would_be_mistaken_for_it_is_escaped(name: bytes, text: str) -> None:
    assert path_text(os.fsdecode(name)) == text


def test_an_absolute_path_keeps_its_links(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert absolute(tmp_path / "x" / ".." / "link" / "a.wav") == tmp_path / "link" / "a.wav"
