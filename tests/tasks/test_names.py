import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.names import bpm_in_name


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
