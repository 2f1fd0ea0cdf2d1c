import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import ROLES, Kind
from tasks.metadata.file_names import ROLE_WORDS, bpm_in_name, kind_in_name, number_in_name, roles_in_name
from tasks.metadata.key_names import TONICS
from tasks.metadata.keys_in_names import key_in_name


@pytest.mark.parametrize(
    ("name", "bpm"),
    [
        ("Loop128bpm.wav", 128),
        ("LOOP 128 BPM.wav", 128),
        ("loop_128-bpm_C.wav", 128),
        ("bpm 95.wav", 95),
        ("drums_87.5bpm.wav", 87.5),
        ("drums 87,5 bpm.wav", 87.5),
        ("pad 128.00 bpm.wav", 128),
        ("slow_45bpm_808.wav", 45),
        ("128bpm_take_90.wav", 128),
        ("110 Metronome 172BPM 2 bars.wav", 172),
        ("dirtylove_bass_bar041_177bpm.ogg", 177),
        ("15bpm.wav", None),
        ("401bpm.wav", None),
        ("999bpm_120.wav", None),
        ("Bass_Loop_124_Am.wav", None),
        ("chords.wav", None),
        ("", None),
        (".wav", None),
    ],
)
def test_a_tempo_with_its_unit_is_stated(name: str, bpm: float | None) -> None:
    assert bpm_in_name(name) == bpm


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("Bass_Loop_124_Am.wav", 124),
        ("Kit_01_124_Am.wav", 124),
        ("drums (140).wav", 140),
        ("[174] amen.flac", 174),
        ("124.wav", 124),
        ("no_extension_120", 120),
        ("172 950 ts.wav", 172),
        ("SH-101 acid jam.wav", 101),
        ("take_64_128.wav", None),
        ("Kit_01.wav", None),
        ("808_kick.wav", None),
        ("loop_59.wav", None),
        ("loop_201.wav", None),
        ("loop_0124.wav", None),
        ("S1124x.wav", None),
        ("v1.128.wav", None),
        ("128bpm_take_90.wav", None),
        ("999bpm_120.wav", None),
    ],
)
def test_a_number_without_a_unit_may_be_a_tempo(name: str, number: float | None) -> None:
    assert number_in_name(name) == number


@given(st.one_of(st.text(), st.from_regex(r"[a-z_ ]*[0-9.]{1,8}[ _-]?(bpm|BPM)?[a-z_ ]*\.wav")))
def test_any_name_gives_a_possible_tempo_or_none(name: str) -> None:
    for bpm in (bpm_in_name(name), number_in_name(name)):
        assert bpm is None or 20 <= bpm <= 400


@given(st.integers(20, 400))
def test_a_tempo_with_its_unit_is_always_found(bpm: int) -> None:
    assert bpm_in_name(f"loop_{bpm}bpm.wav") == bpm


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Kick One Shot 01.wav", Kind.ONESHOT), ("kick_oneshot.wav", Kind.ONESHOT), ("One-Shots 2.wav", Kind.ONESHOT),
        ("BassLoop_124.wav", Kind.LOOP), ("drum loop.wav", Kind.LOOP), ("Loops02.wav", Kind.LOOP),
        ("one shot loop.wav", None), ("stone shot.wav", None), ("looper.wav", None), ("kick.wav", None), ("", None),
    ],
)  # fmt: skip
def test_a_name_may_call_its_file_a_loop_or_a_one_shot(name: str, kind: Kind | None) -> None:
    assert kind_in_name(name) is kind


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
def test_any_name_gives_roles_of_the_vocabulary_or_none(name: str) -> None:
    assert set(roles_in_name(name)) <= set(ROLES)


@given(
    st.sampled_from([(word, role) for role, words in ROLE_WORDS.items() for word in words.split()]),
    st.integers(60, 200),
    st.sampled_from(TONICS),
    st.sampled_from("_- "),
)
def test_a_name_built_by_the_grammar_is_read_back(said: tuple[str, str], bpm: int, tonic: str, separator: str) -> None:
    name = separator.join([said[0].title(), "Loop", str(bpm), f"{tonic}m"]) + ".wav"
    assert (roles_in_name(name), number_in_name(name), key_in_name(name)) == ((said[1],), bpm, (tonic, "minor"))
