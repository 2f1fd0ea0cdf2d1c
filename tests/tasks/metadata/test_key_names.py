import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metadata.key_names import TONICS, mixing_keys, note_set, parse_key

TONIC = st.sampled_from(TONICS)
MODE = st.sampled_from(["major", "minor", None])


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", ("C", None)),
        ("Am", ("A", "minor")),
        ("CM", ("C", "major")),
        ("c# minor", ("C#", "minor")),
        ("Bb", ("A#", None)),
        ("B flat", ("A#", None)),
        ("B flat minor", ("A#", "minor")),
        ("F♯ maj", ("F#", "major")),
        ("E♭min", ("D#", "minor")),
        ("Cb", ("B", None)),
        ("E#", ("F", None)),
        ("  g sharp Major ", ("G#", "major")),
        ("", (None, None)),
        ("H", ("B", None)),
        ("Hm", ("B", "minor")),
        ("B", ("B", None)),
        ("B-Dur", ("A#", "major")),
        ("h-moll", ("B", "minor")),
        ("fis-moll", ("F#", "minor")),
        ("Es-Dur", ("D#", "major")),
        ("As Dur", ("G#", "major")),
        ("8A", ("A", "minor")),
        ("08B", ("C", "major")),
        ("1A", ("G#", "minor")),
        ("12b", ("E", "major")),
        ("1m", ("A", "minor")),
        ("1d", ("C", "major")),
        ("6d", ("B", "major")),
        ("12m", ("D", "minor")),
        ("8A - Am", ("A", "minor")),
        ("Am/8A", ("A", "minor")),
        ("8A Am", ("A", "minor")),
        ("Am (8A)", ("A", "minor")),
        ("8A - Energy 7", ("A", "minor")),
        ("Gbm/F#m", ("F#", "minor")),
        ("A / Am", ("A", "minor")),
        ("A#m +50", ("A#", "minor")),
        ("Am -12 cents", ("A", "minor")),
        ("A♭ minor", ("G#", "minor")),
        ("Ebmin", ("D#", "minor")),
        ("C-minor", ("C", "minor")),
        ("8A/C", (None, None)),
        ("Am/C", (None, None)),
        ("0A", (None, None)),
        ("13B", (None, None)),
        ("o", (None, None)),
        ("unknown", (None, None)),
        ("Am7", (None, None)),
    ],
)
def test_keys_are_read_as_people_write_them(text: str, key: tuple[str | None, str | None]) -> None:
    assert parse_key(text) == key


@given(st.text())
def test_any_text_gives_a_key_or_none(text: str) -> None:
    tonic, mode = parse_key(text)
    assert tonic is None or tonic in TONICS
    assert mode in ("major", "minor", None)


@given(TONIC, MODE)
def test_what_is_written_is_read_back(tonic: str, mode: str | None) -> None:
    assert parse_key(f"{tonic} {mode or ''}") == (tonic, mode)


@pytest.mark.parametrize(
    ("key", "other", "same"),
    [
        (("A", "minor"), ("C", "major"), True),
        (("F#", "minor"), ("A", "major"), True),
        (("A", "minor"), ("A", "major"), False),
        (("C", None), ("C", "major"), True),
    ],
)
def test_a_minor_key_has_the_notes_of_its_relative(
    key: tuple[str, str | None], other: tuple[str, str | None], same: bool
) -> None:
    assert (note_set(*key) == note_set(*other)) is same


@pytest.mark.parametrize(
    ("key", "mode", "mixing"),
    [
        ("C", "major", [("C", "major"), ("A", "minor"), ("F", "major"), ("G", "major")]),
        ("F#", "minor", [("F#", "minor"), ("A", "major"), ("B", "minor"), ("C#", "minor")]),
    ],
)
def test_a_key_mixes_with_its_relative_and_its_neighbours_on_the_circle_of_fifths(
    key: str, mode: str, mixing: list[tuple[str, str]]
) -> None:
    assert mixing_keys(key, mode) == mixing
