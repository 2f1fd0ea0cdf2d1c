from dataclasses import replace
from pathlib import Path

from tasks.sources.merging import merge_loops
from tests.support.dummies import loop


def test_the_same_bytes_under_two_names_are_one_loop_the_first_by_name() -> None:
    merged = merge_loops([], [loop(1, path="/b.wav"), loop(1, path="/a.wav")])
    assert [one.path for one in merged.table] == ["/a.wav"]
    assert (len(merged.kept), merged.duplicates) == (1, 1)


def test_the_same_sound_in_two_formats_is_one_loop() -> None:
    merged = merge_loops([], [loop(1, path="/a.wav", audio_digest="d"), loop(2, path="/a.flac", audio_digest="d")])
    assert [one.path for one in merged.table] == ["/a.flac"]
    assert merged.duplicates == 1


def test_a_source_renews_what_it_said_and_never_what_another_said() -> None:
    known = loop(1, source="fsld", licence="CC BY 4.0", audio_digest="d")
    renewed = replace(known, roles=("fx",))
    assert merge_loops([known], [renewed]).table == [renewed]
    assert merge_loops([known], [replace(known, source="folder", licence="unspecified")]).table == [known]
    assert merge_loops([known], [loop(2, audio_digest="d")]).table == [known]


def test_a_second_name_changes_nothing_while_the_first_is_there_and_takes_over_when_it_is_gone(tmp_path: Path) -> None:
    first, second = loop(1, path=str(tmp_path / "b.wav")), loop(1, path=str(tmp_path / "c.wav"))
    (tmp_path / "b.wav").touch()
    assert merge_loops([first], [second]).table == [first]
    (tmp_path / "b.wav").unlink()
    assert merge_loops([first], [second]).table == [second]


def test_cuts_of_one_file_are_loops_of_their_own() -> None:
    cuts = [loop(number, path="/song.wav", start_s=8.0 * number) for number in range(3)]
    assert merge_loops([], cuts).duplicates == 0


def test_merging_twice_is_merging_once() -> None:
    fresh = [loop(1), loop(2, audio_digest="d"), loop(3, audio_digest="d")]
    once = merge_loops([], fresh).table
    assert merge_loops(once, fresh).table == once


def test_a_file_that_now_holds_another_content_is_another_loop_and_the_old_one_is_no_more() -> None:
    old, new = loop(1, path="/a.wav"), loop(2, path="/a.wav")
    assert merge_loops([old, loop(3)], [new]).table == [loop(3), new]
    assert merge_loops([old], [replace(new, source="fsld")]).table == [old, replace(new, source="fsld")]


def test_an_original_takes_the_place_of_its_preview() -> None:
    preview = loop(1, source="freesound", path="/audio/5.ogg", url="https://freesound.org/s/5/")
    original = replace(loop(2), source="freesound", path="/originals/5.wav", url=preview.url)
    other = replace(preview, loop_id="3" * 16, url="https://freesound.org/s/6/", path="/audio/6.ogg")
    assert merge_loops([preview, other], [original]).table == [other, original]
