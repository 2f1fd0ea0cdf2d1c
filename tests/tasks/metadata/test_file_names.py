import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import ROLES
from tasks.metadata.file_names import ROLE_WORDS, bpm_in_name, key_in_name, roles_in_name
from tasks.metadata.key_names import TONICS


@pytest.mark.parametrize(
    ("name", "bpm"),
    [
        ("Bass_Loop_124_Am.wav", 124),
        ("Kit_01_124_Am.wav", 124),
        ("Loop128bpm.wav", 128),
        ("LOOP 128 BPM.wav", 128),
        ("loop_128-bpm_C.wav", 128),
        ("bpm 95.wav", 95),
        ("drums_87.5bpm.wav", 87.5),
        ("drums (140).wav", 140),
        ("[174] amen.flac", 174),
        ("124.wav", 124),
        ("slow_45bpm_808.wav", 45),
        ("128bpm_take_90.wav", 128),
        ("no_extension_120", 120),
        ("dirtylove_bass_bar041_177bpm.ogg", 177),
        ("take_64_128.wav", None),
        ("Kit_01.wav", None),
        ("808_kick.wav", None),
        ("loop_59.wav", None),
        ("loop_201.wav", None),
        ("loop_0124.wav", None),
        ("S1124x.wav", None),
        ("v1.128.wav", None),
        ("15bpm.wav", None),
        ("401bpm.wav", None),
        ("999bpm_120.wav", None),
        ("chords.wav", None),
        ("", None),
        (".wav", None),
    ],
)
def test_a_tempo_is_read_where_a_person_would_read_one(name: str, bpm: float | None) -> None:
    assert bpm_in_name(name) == bpm


@given(st.one_of(st.text(), st.from_regex(r"[a-z_ ]*[0-9.]{1,8}[ _-]?(bpm|BPM)?[a-z_ ]*\.wav")))
def test_any_name_gives_a_possible_tempo_or_none(name: str) -> None:
    bpm = bpm_in_name(name)
    assert bpm is None or 20 <= bpm <= 400


@given(st.integers(20, 400))
def test_a_tempo_with_its_unit_is_always_found(bpm: int) -> None:
    assert bpm_in_name(f"loop_{bpm}bpm.wav") == bpm


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Bass_Loop_124_Am.wav", ("A", "minor")), ("pad F#.wav", ("F#", None)), ("pad_Bb_90.wav", ("A#", None)),
        ("lead C#min.wav", ("C#", "minor")), ("lead C#maj.wav", ("C#", "major")),
        ("lead_Db minor.wav", ("C#", "minor")),
        ("a minor thing.wav", ("A", "minor")), ("riff F sharp major.wav", ("F#", "major")), ("key_C.wav", ("C", None)),
        ("riff_Key_g.wav", ("G", None)), ("Am_and_Em.wav", (None, None)), ("take_A.wav", (None, None)),
        ("am.wav", (None, None)), ("Amen_break.wav", (None, None)), ("loop.wav", (None, None)), ("", (None, None)),
        ("Cm_pad_Cm.wav", ("C", "minor")),
    ],
)  # fmt: skip
def test_a_key_is_read_where_a_person_would_read_one(name: str, key: tuple[str | None, str | None]) -> None:
    assert key_in_name(name) == key


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("Bass_Loop_124_Am.wav", ("bass",)), ("DRUMS-01.wav", ("percussion",)), ("BassLoop.wav", ("bass",)),
        ("vox (chords) pad.wav", ("chords", "vocal")), ("drums02_lead.flac", ("percussion", "melody")),
        ("bassoon.wav", ()), ("leader.wav", ()), ("", ()), ("bass", ("bass",)),
    ],
)  # fmt: skip
def test_roles_are_whole_words_of_a_name(name: str, roles: tuple[str, ...]) -> None:
    assert roles_in_name(name) == roles


@given(st.text())
def test_any_name_gives_roles_and_a_key_of_the_vocabulary_or_none(name: str) -> None:
    key, mode = key_in_name(name)
    assert key is None or key in TONICS
    assert mode in (None, "major", "minor")
    assert set(roles_in_name(name)) <= set(ROLES)


@given(
    st.sampled_from([(word, role) for role, words in ROLE_WORDS.items() for word in words.split()]),
    st.integers(60, 200),
    st.sampled_from(TONICS),
    st.sampled_from("_- "),
)
def test_a_name_built_by_the_grammar_is_read_back(said: tuple[str, str], bpm: int, tonic: str, separator: str) -> None:
    name = separator.join([said[0].title(), "Loop", str(bpm), f"{tonic}m"]) + ".wav"
    assert (roles_in_name(name), bpm_in_name(name), key_in_name(name)) == ((said[1],), bpm, (tonic, "minor"))
