"""What loop libraries write into files: ACID, samplers, markers, Apple Loops."""

import struct
from pathlib import Path

import pytest

from storage.vocabulary import Kind
from tasks.metadata.loop_info import LoopInfo
from tasks.metadata.written import Written, read_written
from tests.support.chunked_files import acid, aiff, apple_loop, basc, caf, caf_texts, cate, chunk, smpl, wav
from tests.support.dummies import noise, tone


def written(folder: Path, content: bytes, name: str = "a.wav") -> Written:
    (folder / name).write_bytes(content)
    return read_written(folder / name)


def only(folder: Path, content: bytes) -> LoopInfo:
    (info,) = written(folder, content).chunks
    return info


def test_an_acid_chunk_says_tempo_beats_and_root_note(tmp_path: Path) -> None:
    info = only(tmp_path, wav(tone(1.0), acid(174.0, 16, root=57)))
    assert info == LoopInfo("acid", Kind.LOOP, 174.0, 16.0, "A")


def test_an_acid_root_note_counts_only_where_its_flag_is_set(tmp_path: Path) -> None:
    assert only(tmp_path, wav(tone(1.0), acid(120.0, 4))).key is None


def test_an_acid_one_shot_has_no_tempo_whatever_its_chunk_says(tmp_path: Path) -> None:
    info = only(tmp_path, wav(tone(1.0), acid(120.0, 2, one_shot=True)))
    assert (info.kind, info.bpm, info.tempo(1.0)) == (Kind.ONESHOT, None, None)


def test_an_acid_tempo_stands_though_the_file_has_a_tail(tmp_path: Path) -> None:
    assert only(tmp_path, wav(tone(1.0), acid(140.0, 16))).tempo(16 * 60 / 140 + 0.5) == 140.0


def test_beats_that_do_not_fit_into_the_file_at_their_own_tempo_make_it_incredible(tmp_path: Path) -> None:
    # Sixteen beats at 120 are eight seconds.
    info = only(tmp_path, wav(tone(1.0), acid(120.0, 16)))
    assert [info.tempo(seconds) for seconds in (5.5, 7.9, 8.0)] == [None, 120.0, 120.0]


@pytest.mark.parametrize("bpm", [0.0, -120.0, 1e9, float("nan"), float("inf"), 5.0])
def test_an_impossible_acid_tempo_gives_way_to_the_number_of_beats(tmp_path: Path, bpm: float) -> None:
    info = only(tmp_path, wav(tone(1.0), acid(bpm, 8)))
    assert (info.bpm, info.tempo(4.0)) == (None, 120.0)


def test_an_empty_acid_chunk_says_nothing_at_all(tmp_path: Path) -> None:
    info = only(tmp_path, wav(tone(1.0), chunk(b"acid", bytes(24))))
    assert (info.kind, info.tempo(4.0), info.key) == (None, None, None)
    assert written(tmp_path, wav(tone(1.0), chunk(b"acid", bytes(10)))).chunks == ()


def test_a_sampler_loop_over_the_whole_file_makes_a_loop_and_one_inside_it_nothing(tmp_path: Path) -> None:
    assert only(tmp_path, wav(tone(1.0), smpl(60, (0, 15_999)))) == LoopInfo("sampler", Kind.LOOP)
    assert written(tmp_path, wav(tone(1.0), smpl(60, (4_000, 12_000)))).chunks == ()
    assert written(tmp_path, wav(tone(1.0), smpl(60, (0, 15_999), (5, 9)))).chunks == ()


def test_a_samplers_root_note_is_its_key_unless_it_is_the_middle_c_of_those_who_chose_none(tmp_path: Path) -> None:
    assert only(tmp_path, wav(tone(1.0), smpl(57))) == LoopInfo("sampler", key="A")
    instrument = struct.pack("7b", 61, 0, 0, 0, 127, 1, 127)
    assert only(tmp_path, wav(tone(1.0), chunk(b"inst", instrument))).key == "C#"
    assert only(tmp_path, aiff(tone(1.0), chunk(b"INST", instrument.ljust(20, b"\0"), ">"))).key == "C#"
    assert written(tmp_path, wav(tone(1.0), smpl(60))).chunks == ()
    assert written(tmp_path, wav(tone(1.0), smpl(4_000_000_000))).chunks == ()


def test_the_tempo_of_a_project_is_read_from_the_marker_that_logic_writes(tmp_path: Path) -> None:
    markers = chunk(b"MARK", b"\0\2\0\1\0\0\0\0\x0bTempo: 98.0\0\2\0\0\0\0\x0bTimestamp: 1", ">")
    assert only(tmp_path, aiff(tone(1.0), markers)) == LoopInfo("marker", bpm=98.0)
    labels = chunk(b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"Tempo: 127.5\0"))
    assert only(tmp_path, wav(tone(1.0), labels)) == LoopInfo("marker", bpm=127.5)


@pytest.mark.parametrize("text", [b"Tempo: 98.0 Tempo: 99.0", b"Tempo: 1200", b"Tempo: 12", b"Tempo", b""])
def test_a_marker_that_names_no_single_tempo_says_nothing(tmp_path: Path, text: bytes) -> None:
    assert written(tmp_path, aiff(tone(1.0), chunk(b"MARK", text, ">"))).chunks == ()


def test_an_apple_loop_in_aiff_says_beats_key_scale_and_roles(tmp_path: Path) -> None:
    content = aiff(tone(4.0), basc(8, root=50, scale=1), cate("Drums", "Drum Kit", "Single", "Dry"))
    info = only(tmp_path, content)
    assert info == LoopInfo("apple_loop", Kind.LOOP, None, 8.0, "D", "minor", ("percussion",))
    assert info.tempo(4.0) == 120.0


@pytest.mark.parametrize(
    ("content", "kind", "bpm"),
    [
        (basc(8), Kind.LOOP, 120.0),
        (basc(16, metre=(8, 8)), Kind.LOOP, 120.0),
        (basc(8, one_shot=True), Kind.ONESHOT, None),
        (basc(0), Kind.ONESHOT, None),
        (basc(4_000), Kind.LOOP, None),
    ],
)
def test_an_apple_loops_beats_and_type_make_its_kind_and_its_tempo(
    tmp_path: Path, content: bytes, kind: Kind, bpm: float | None
) -> None:
    info = only(tmp_path, aiff(tone(4.0), content))
    assert (info.kind, info.tempo(4.0)) == (kind, bpm)


@pytest.mark.parametrize(
    ("scale", "mode"), [(1, "minor"), (2, "major"), (3, None), (4, None), (99, None)]
)  # fmt: skip
def test_an_apple_loops_scale_is_its_mode(tmp_path: Path, scale: int, mode: str | None) -> None:
    info = only(tmp_path, aiff(tone(4.0), basc(8, root=48, scale=scale)))
    assert (info.key, info.mode) == ("C", mode)


def test_an_apple_loop_without_a_root_has_no_key(tmp_path: Path) -> None:
    info = only(tmp_path, aiff(tone(4.0), basc(8, root=0, scale=1)))
    assert (info.key, info.mode) == (None, None)


@pytest.mark.parametrize(
    ("category", "subcategory", "roles"),
    [
        ("Bass", "Synthetic Bass", ("bass",)),
        ("Sound Effect", "Mech/Tech", ("fx",)),
        ("Vocals", "Male", ("vocal",)),
        ("Synths", "Synth Pad", ("chords",)),
        ("Guitars", "Acoustic Guitar", ()),
        ("", "", ()),
    ],
)
def test_categories_that_are_roles_name_them_and_nothing_behind_their_end_does(
    tmp_path: Path, category: str, subcategory: str, roles: tuple[str, ...]
) -> None:
    assert only(tmp_path, aiff(tone(4.0), basc(8), cate(category, subcategory, "Single"))).roles == roles


def test_an_apple_loop_in_caf_says_the_same_in_words(tmp_path: Path) -> None:
    texts = {
        "beat_count": "8", "key_signature": "Bb", "key_type": "minor", "time_signature": "4/4", "category": "Bass",
        "descriptors": "Single,Dry,Clean",
    }  # fmt: skip
    info = only(tmp_path, caf(tone(4.0), uuid=apple_loop(**texts)))
    assert info == LoopInfo("apple_loop", Kind.LOOP, None, 8.0, "A#", "minor", ("bass",))
    assert info.tempo(4.0) == 120.0


def test_an_apple_one_shot_in_caf_has_no_beats(tmp_path: Path) -> None:
    assert only(tmp_path, caf(tone(1.0), uuid=apple_loop(beat_count="0"))).kind is Kind.ONESHOT


@pytest.mark.parametrize("kind", ["neither", "both", ""])
def test_a_key_type_that_is_no_mode_leaves_the_tonic(tmp_path: Path, kind: str) -> None:
    info = only(tmp_path, caf(tone(4.0), uuid=apple_loop(beat_count="8", key_signature="C#", key_type=kind)))
    assert (info.key, info.mode) == ("C#", None)


def test_an_information_chunk_of_a_caf_is_a_tag(tmp_path: Path) -> None:
    said = written(tmp_path, caf(tone(4.0), info=caf_texts(tempo="96.5", key_signature="F#m", title="Deep bass")))
    assert (said.tags.bpm, said.tags.key, said.tags.mode, said.tags.roles) == (96.5, "F#", "minor", ("bass",))
    assert said.chunks == ()


@pytest.mark.parametrize("seed", range(200))
def test_a_chunk_with_anything_in_it_never_breaks_the_reading(tmp_path: Path, seed: int) -> None:
    junk = noise(0.01, seed=seed).tobytes()[seed : seed * 3]
    names = (b"acid", b"smpl", b"inst", b"LIST", b"id3 ")
    written(tmp_path, wav(tone(0.1), *(chunk(name, junk) for name in names)))
    written(tmp_path, aiff(tone(0.1), *(chunk(name, junk, ">") for name in (b"basc", b"cate", b"INST", b"MARK"))))
    uuid = apple_loop() + junk
    written(tmp_path, caf(tone(0.1), info=junk, uuid=uuid))


def test_chunks_of_another_format_are_not_looked_for(tmp_path: Path) -> None:
    assert written(tmp_path, wav(tone(1.0), basc(8))).chunks == ()
