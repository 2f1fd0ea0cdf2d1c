"""Every quirk of the annotations has its test, and so has every line of the consensus table."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.vocabulary import ROLES
from tasks.sources.fsld_annotations import (
    Annotation,
    AnnotationError,
    Consensus,
    LeftOutError,
    agree,
    answers,
    parse_annotation,
    parse_bpm,
)

FULL: dict[str, Any] = {
    "discard": False, "save_for_later": False,
    "instrumentation": {
        "percussion": True, "bass": False, "chords": False, "melody": False, "fx": False, "vocal": False
    },
    "defined_tempo": True, "bpm": "120", "signature": "4/4", "well_cut": True, "key": "c#", "mode": "min",
    "genres": ["hip hop", "electronic"], "comments": "",
}  # fmt: skip


def parsed(annotator: str = "1", **changes: Any) -> Annotation:
    return parse_annotation(annotator, json.dumps({**FULL, **changes}))


def playing(*roles: str) -> dict[str, bool]:
    return {role: role in roles for role in ROLES}


def without(*names: str) -> Annotation:
    return parse_annotation("1", json.dumps({name: value for name, value in FULL.items() if name not in names}))


def test_an_annotation_is_read_whole() -> None:
    one = parsed()
    assert (one.roles, one.bpm, one.key, one.mode) == (("percussion",), 120.0, "C#", "minor")
    assert (one.usable, one.well_cut, one.defined_tempo, one.signature) == (True, True, True, "4/4")
    assert one.genres == ("hip hop", "electronic")


@pytest.mark.parametrize(
    ("typed", "bpm"),
    [
        ("120", 120), ("87.5", 87.5), ("87,5", 87.5), ("120 bpm", 120), ("bpm 95", 95), (" 140 ", 140), ("120BPM", 120),
        ("", None), ("unknown", None), ("about 90?", None), ("120-130", None), ("0", None), ("24.9", None),
        ("401", None), ("-120", None), ("nan", None), ("1e2", None), (None, None), (True, None), ([120], None),
        (120, 120), (99.5, 99.5), (float("inf"), None), (10**400, None),
    ],
)  # fmt: skip
def test_a_tempo_is_a_string_that_people_typed(typed: object, bpm: float | None) -> None:
    assert parse_bpm(typed) == bpm


@pytest.mark.parametrize("tonic", ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"])
def test_a_key_is_a_lower_case_tonic_with_a_sharp(tonic: str) -> None:
    assert (parsed(key=tonic).key, parsed(key=tonic).tonal) == (tonic.upper(), True)


def test_no_key_and_an_unknown_key_are_two_things() -> None:
    assert (parsed(key="none", mode="none").key, parsed(key="none", mode="none").tonal) == (None, False)
    assert (parsed(key="unknown").key, parsed(key="unknown").tonal) == (None, None)


@pytest.mark.parametrize("mode", ["none", "unknown"])
def test_a_key_without_a_mode_stays_a_key(mode: str) -> None:
    assert (parsed(mode=mode).key, parsed(mode=mode).mode) == ("C#", None)
    assert parsed(key="unknown", mode="maj").mode == "major"


def test_older_files_lack_fields() -> None:
    assert without("save_for_later", "defined_tempo").usable
    assert without("defined_tempo").bpm == 120.0
    assert without("key", "mode", "genres", "comments", "signature").tonal is None
    assert not without("well_cut").well_cut


def test_a_tempo_that_is_not_defined_is_none_whatever_was_typed() -> None:
    assert parsed(defined_tempo=False, bpm="120").bpm is None


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"instrumentation": {}}, "instrumentation.bass is None"),
        ({"instrumentation": {**FULL["instrumentation"], "vocal": "True"}}, "instrumentation.vocal is 'True'"),
        ({"instrumentation": ["bass"]}, "instrumentation is missing"),
        ({"discard": "False"}, "discard is 'False'"),
        ({"save_for_later": 1}, "save_for_later is 1"),
        ({"key": "h"}, "key is 'h'"),
        ({"key": "db"}, "key is 'db'"),
        ({"mode": "dorian"}, "mode is 'dorian'"),
        ({"genres": "house"}, "genres is no list"),
        ({"comments": 7}, "comments is 7"),
    ],
)
def test_what_is_not_in_the_schema_is_refused_by_name(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AnnotationError, match=complaint):
        parsed(**changes)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '"a"', b"\xff\xfe{", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str | bytes) -> None:
    with pytest.raises(AnnotationError):
        parse_annotation("1", text)


# One test a line of the table in `agree`.


def test_a_loop_that_anyone_discarded_is_left_out() -> None:
    with pytest.raises(LeftOutError, match="discarded"):
        agree([parsed(), parsed("2", discard=True)])


def test_those_who_put_it_off_have_no_voice() -> None:
    assert agree([parsed(), parsed("2", save_for_later=True, bpm="90")]) == agree([parsed()])
    with pytest.raises(LeftOutError, match="put off"):
        agree([parsed(save_for_later=True)])


def test_a_role_is_what_more_than_half_name_and_a_disputed_one_is_unknown() -> None:
    both, bass = parsed(instrumentation=playing("bass", "fx")), parsed("2", instrumentation=playing("bass"))
    assert (agree([both, bass]).roles, agree([both, bass]).unknown_roles) == (("bass",), ("fx",))
    assert agree([both, both, bass]).roles == ("bass", "fx")
    assert agree([both, bass, bass]).unknown_roles == ("fx",)


def test_a_loop_without_any_role_is_left_out() -> None:
    with pytest.raises(LeftOutError, match="no role"):
        agree([parsed(instrumentation=playing())])


def test_two_who_name_different_roles_leave_the_loop_out() -> None:
    with pytest.raises(LeftOutError, match="disagreement"):
        agree([parsed(instrumentation=playing("bass")), parsed("2", instrumentation=playing("melody"))])


@pytest.mark.parametrize(
    ("typed", "bpm", "flags"),
    [
        (["120", "121"], 120.5, ()), (["120", "120", "121"], 120, ()), (["120", "unknown"], 120, ()),
        (["unknown", ""], None, ()), (["120", "60"], None, ("bpm_disputed",)),
        (["120", "121.5"], None, ("bpm_disputed",)),
    ],
)  # fmt: skip
def test_a_tempo_is_the_median_of_those_who_agree(typed: list[str], bpm: float | None, flags: tuple[str, ...]) -> None:
    consensus = agree([parsed(str(number), bpm=text) for number, text in enumerate(typed)])
    assert (consensus.bpm, consensus.flags) == (bpm, flags)


def test_half_who_find_no_tempo_are_enough_for_none() -> None:
    consensus = agree([parsed(), parsed("2", defined_tempo=False)])
    assert (consensus.bpm, consensus.flags) == (None, ("no_tempo",))


@pytest.mark.parametrize(
    ("keys", "key", "mode", "flags"),
    [
        ([("c#", "min"), ("c#", "min")], "C#", "minor", ()),
        ([("c#", "min"), ("unknown", "unknown")], "C#", "minor", ()),
        ([("c#", "none"), ("c#", "unknown")], "C#", None, ()),
        ([("c#", "min"), ("c#", "maj")], "C#", None, ("mode_disputed",)),
        ([("c#", "min"), ("d", "min")], None, None, ("key_disputed",)),
        ([("c#", "min"), ("none", "none")], None, None, ("key_disputed",)),
        ([("none", "none"), ("none", "none")], None, None, ("atonal",)),
        ([("none", "none"), ("unknown", "unknown")], None, None, ("atonal",)),
        ([("unknown", "maj")], None, None, ()),
    ],
)
def test_a_key_is_what_all_who_answered_name(
    keys: list[tuple[str, str]], key: str | None, mode: str | None, flags: tuple[str, ...]
) -> None:
    consensus = agree([parsed(str(number), key=tonic, mode=word) for number, (tonic, word) in enumerate(keys)])
    assert (consensus.key, consensus.mode, consensus.flags) == (key, mode, flags)


def test_what_is_badly_cut_or_not_in_four_is_kept_and_flagged() -> None:
    assert agree([parsed(), parsed("2", well_cut=False)]).flags == ("not_well_cut",)
    assert agree([parsed(signature="3/4")]).flags == ("not_4_4",)
    assert agree([parsed(signature="")]).flags == ()


def test_every_annotators_answer_is_kept_in_order() -> None:
    kept = answers([parsed("20"), parsed("10", bpm="90")])
    assert [(one["annotator"], one["bpm"]) for one in kept] == [("10", 90.0), ("20", 120.0)]
    json.dumps(kept)


# Whatever the files hold: a row or a reason, never a crash.

ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def outcome(texts: list[str]) -> Consensus | str:
    try:
        return agree([parse_annotation(str(number), text) for number, text in enumerate(texts)])
    except (AnnotationError, LeftOutError) as reason:
        return str(reason)


@given(st.dictionaries(st.sampled_from([*FULL, "other"]), ANYTHING))
def test_any_value_in_any_field_gives_a_row_or_a_reason(changes: dict[str, Any]) -> None:
    outcome([json.dumps({**FULL, **changes})])


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_gives_a_row_or_a_reason(text: str) -> None:
    outcome([text])


def test_ten_thousand_mutated_files_each_give_a_row_or_a_reason() -> None:
    luck = random.Random(7)
    rows = sum(isinstance(outcome([mutated(luck), mutated(luck)]), Consensus) for _ in range(10_000))
    assert 500 < rows < 9_500


def mutated(luck: random.Random) -> str:
    """The full annotation after up to three random changes to its fields or its bytes."""
    document = json.loads(json.dumps(FULL))
    values: list[Any] = [None, True, False, "", "none", "unknown", "C#", "a#", -1, 3.5, 1e400, [], {}, ["x"], "\ud800"]
    for _ in range(luck.randrange(3)):
        place = luck.choice([document, document.get("instrumentation")])
        if isinstance(place, dict) and place:
            name = luck.choice(list(place))
            if luck.random() < 0.3:
                del place[name]
            else:
                place[name] = luck.choice(values)
    text = json.dumps(document)
    if luck.random() < 0.2:
        cut = luck.randrange(len(text))
        text = text[:cut] + luck.choice(["", "}", '"', "\x00", "9", ","]) + text[cut + luck.randrange(3) :]
    return text
