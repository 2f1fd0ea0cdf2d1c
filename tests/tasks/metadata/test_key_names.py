import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metadata.key_names import TONICS, mixing_keys, parse_key, semitones_between

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


@given(TONIC, MODE, TONIC, MODE)
def test_the_way_between_two_keys_is_never_longer_than_half_an_octave(
    key: str, mode: str | None, other: str, other_mode: str | None
) -> None:
    there = semitones_between(key, mode, other, other_mode)
    back = semitones_between(other, other_mode, key, mode)
    assert -6 <= there <= 6
    assert (there + back) % 12 == 0


@pytest.mark.parametrize(
    ("key", "target", "semitones"),
    [
        (("A", "minor"), ("C", "major"), 0),
        (("C", "major"), ("A", "minor"), 0),
        (("C", "major"), ("D", "major"), 2),
        (("C", "minor"), ("C", "major"), -3),
        (("B", "major"), ("C", "major"), 1),
    ],
)
def test_relative_keys_match_and_others_take_the_short_way(
    key: tuple[str, str], target: tuple[str, str], semitones: int
) -> None:
    assert semitones_between(*key, *target) == semitones


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
