import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metadata.key_names import TONICS
from tasks.metadata.keys_in_names import key_in_name

NONE = (None, None)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Bass_Loop_124_Am.wav", ("A", "minor")), ("pad F#.wav", ("F#", None)), ("pad_Bb_90.wav", ("A#", None)),
        ("lead C#min.wav", ("C#", "minor")), ("lead C#maj.wav", ("C#", "major")),
        ("lead_Db minor.wav", ("C#", "minor")), ("riff F sharp major.wav", ("F#", "major")),
        ("key_C.wav", ("C", None)), ("riff_Key_g.wav", ("G", None)), ("Cm_pad_Cm.wav", ("C", "minor")),
        ("Pad 90 Cm.wav", ("C", "minor")), ("bass_fis moll_120.wav", ("F#", "minor")), ("Es-Dur.wav", ("D#", "major")),
        ("Am_and_Em.wav", NONE), ("take_A.wav", NONE), ("am.wav", NONE), ("Amen_break.wav", NONE), ("loop.wav", NONE),
        ("", NONE),
    ],
)  # fmt: skip
def test_a_key_is_read_where_a_person_would_read_one(name: str, key: tuple[str | None, str | None]) -> None:
    assert key_in_name(name) == key


@pytest.mark.parametrize(
    "name",
    [
        "Here I Am.wav", "Who Am I.wav", "Am I Dreaming.wav", "3 Am.wav", "12 Am Bass.wav", "4_Am_Loop.wav",
        "I Am The Night (Edit).wav", "As I Am (feat. Nobody).wav", "I_Am_The_Bass.wav", "Nacht Am Rhein.wav",
        "Am Fenster.wav", "Where Am I Now 124.wav", "A Minor Thing.wav", "a major problem.wav", "A Flat Tire.wav",
    ],
)  # fmt: skip
def test_english_words_that_look_like_a_key_are_none(name: str) -> None:
    assert key_in_name(name) == NONE


@pytest.mark.parametrize(
    "name",
    [
        "124 Am Pad.wav", "Am Pad.wav", "Bass Am.wav", "120 Am.wav", "Loop Am 2.wav", "Kit_Dark_Am_90.wav", "Am.wav",
        "Deep_Am_128bpm.wav", "Prelude in A Minor.wav", "Pad_A_minor.wav", "Bass A minor 120.wav", "Am 8A.wav",
    ],
)  # fmt: skip
def test_beside_a_tempo_a_role_or_another_form_the_same_words_are_a_key(name: str) -> None:
    assert key_in_name(name) == ("A", "minor")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("8A - 128 - Artist - Title.mp3", ("A", "minor")), ("Title 128 8B.mp3", ("C", "major")),
        ("128bpm_6d.wav", ("B", "major")), ("take_8A.wav", NONE), ("Side 1A.wav", NONE), ("8A - Title.mp3", NONE),
    ],
)  # fmt: skip
def test_a_code_of_a_wheel_counts_beside_a_tempo(name: str, key: tuple[str | None, str | None]) -> None:
    assert key_in_name(name) == key


@given(st.text())
def test_any_name_gives_a_key_of_the_vocabulary_or_none(name: str) -> None:
    key, mode = key_in_name(name)
    assert key is None or key in TONICS
    assert mode in (None, "major", "minor")
