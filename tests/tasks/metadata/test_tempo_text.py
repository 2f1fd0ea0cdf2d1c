import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UserError
from tasks.metadata.tempo_text import parse_bpm, parse_bpm_range


@pytest.mark.parametrize(
    ("text", "bpm"),
    [
        ("128", 128),
        ("128 BPM", 128),
        ("128bpm", 128),
        ("128.00 bpm", 128),
        ("128,5", 128.5),
        (" 127.98\n", 127.98),
        ("ca. 128", 128),
        ("~96", 96),
        ("128 bpm (64 half time)", 128),
        ("BPM: 174", 174),
        ("", None),
        ("0", None),
        ("0.00", None),
        ("fast", None),
        ("-120", None),
        ("1000", None),
        ("12800", None),
        ("nan", None),
        ("120-128", None),
        ("120/128", None),
        ("1.2.3", None),
        ("19", None),
        ("401 bpm", None),
    ],
)
def test_a_tempo_is_read_as_people_and_programs_write_it(text: str, bpm: float | None) -> None:
    assert parse_bpm(text) == bpm


@given(st.text())
def test_any_text_gives_a_possible_tempo_or_none(text: str) -> None:
    bpm = parse_bpm(text)
    assert bpm is None or 20 <= bpm <= 400


@pytest.mark.parametrize("text", ["90-180", " 90 - 180 ", "90.0-180.0"])
def test_a_range_of_tempi_is_two_numbers(text: str) -> None:
    assert parse_bpm_range(text) == (90.0, 180.0)


@pytest.mark.parametrize("text", ["", "90", "180-90", "10-180", "90-500", "90 180", "fast"])
def test_what_is_no_range_of_tempi_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="such as 90-180"):
        parse_bpm_range(text)
