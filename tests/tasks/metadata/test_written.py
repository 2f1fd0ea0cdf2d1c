"""Who is believed: manifests, tags, loop libraries and names, in this order."""

from pathlib import Path

from storage.vocabulary import BpmSource, KeySource, Kind
from tasks.metadata.key_names import Key
from tasks.metadata.written import read_written, stated_key, stated_roles
from tasks.rhythm.grid import Tempo, stated_tempo
from tests.support.chunked_files import acid, aiff, basc, big_wav, cate, chunk, info, smpl, wav
from tests.support.dummies import id3_with, tone


def tempo(path: Path, manifest: float | None = None, duration_s: float = 4.0) -> tuple[float, BpmSource] | None:
    stated = stated_tempo(read_written(path), manifest, duration_s)
    return (stated.bpm, stated.source) if stated else None


def key(path: Path, manifest: str | None = None) -> tuple[str, str | None, KeySource] | None:
    stated = stated_key(read_written(path), manifest)
    return (stated.key, stated.mode, stated.source) if stated else None


def test_a_tempo_is_believed_by_a_manifest_a_tag_a_loop_library_and_a_name_in_this_order(tmp_path: Path) -> None:
    tags = chunk(b"id3 ", id3_with(TBPM="127"))
    path = tmp_path / "loop_141bpm.wav"
    path.write_bytes(wav(tone(4.0), acid(100.0, 4), tags))
    assert tempo(path, 90.5) == (90.5, BpmSource.MANIFEST)
    assert tempo(path) == (127.0, BpmSource.TAG)
    path.write_bytes(wav(tone(4.0), acid(100.0, 4)))
    assert tempo(path) == (100.0, BpmSource.ACID)
    path.write_bytes(wav(tone(4.0), acid(0.0, 0)))
    assert tempo(path) == (141.0, BpmSource.FILENAME)


def test_an_apple_loop_states_a_tempo_by_its_beats_and_a_marker_before_it(tmp_path: Path) -> None:
    path = tmp_path / "a.aif"
    path.write_bytes(aiff(tone(4.0), basc(8)))
    assert tempo(path) == (120.0, BpmSource.APPLE_LOOP)
    path.write_bytes(aiff(tone(4.0), basc(8), chunk(b"MARK", b"\0\1\0\1\0\0\0\0\x0bTempo: 98.0", ">")))
    assert tempo(path) == (98.0, BpmSource.MARKER)


def test_a_number_without_a_unit_is_not_stated(tmp_path: Path) -> None:
    path = tmp_path / "SH-101 Jam.wav"
    path.write_bytes(wav(tone(1.0)))
    assert tempo(path) is None
    assert read_written(path).name_number == 101.0


def test_a_key_is_believed_by_a_manifest_a_tag_an_apple_loop_a_name_and_a_root_note_in_this_order(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pad_Cm_90.aif"
    path.write_bytes(aiff(tone(4.0), basc(8, root=50, scale=1), chunk(b"ID3 ", id3_with(TKEY="8B"), ">")))
    assert key(path, "F#m") == ("F#", "minor", KeySource.MANIFEST)
    assert key(path) == ("C", "major", KeySource.TAG)
    path.write_bytes(aiff(tone(4.0), basc(8, root=50, scale=1)))
    assert key(path) == ("D", "minor", KeySource.APPLE_LOOP)
    path.write_bytes(wav(tone(4.0), acid(120.0, 8, root=57), smpl(53)))
    assert key(path) == ("C", "minor", KeySource.FILENAME)
    plain = path.rename(tmp_path / "pad.wav")
    assert key(plain) == ("A", None, KeySource.ACID)
    plain.write_bytes(wav(tone(4.0), smpl(53)))
    assert stated_key(read_written(plain), None) == Key("F", None, KeySource.SAMPLER, 0.5)
    plain.write_bytes(wav(tone(4.0)))
    assert key(plain) is None


def test_roles_are_believed_by_a_manifest_tags_an_apple_loop_and_a_name_in_this_order(tmp_path: Path) -> None:
    path = tmp_path / "vox.aif"
    path.write_bytes(aiff(tone(4.0), basc(8), cate("Drums", ""), chunk(b"ID3 ", id3_with(TIT2="Deep bass"), ">")))
    written = read_written(path)
    assert stated_roles(written, ("fx",)) == (("fx",), "manifest")
    assert stated_roles(written, ()) == (("bass",), "tag")
    path.write_bytes(aiff(tone(4.0), basc(8), cate("Drums", "")))
    assert stated_roles(read_written(path), ()) == (("percussion",), "apple_loop")
    path.write_bytes(aiff(tone(4.0)))
    assert stated_roles(read_written(path), ()) == (("vocal",), "filename")
    assert stated_roles(read_written(path.rename(tmp_path / "a.aif")), ()) == ((), None)


def test_a_kind_is_said_by_a_loop_library_before_a_name(tmp_path: Path) -> None:
    path = tmp_path / "loop.wav"
    path.write_bytes(wav(tone(1.0), acid(0.0, 0, one_shot=True)))
    assert read_written(path).kind is Kind.ONESHOT
    path.write_bytes(wav(tone(1.0)))
    assert read_written(path).kind is Kind.LOOP


def test_texts_and_tags_in_a_wav_are_read_beyond_four_gigabytes_too(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for content in (wav(tone(1.0), info(IBPM="96,5 BPM")), big_wav(tone(1.0), info(IBPM="96,5 BPM"))):
        path.write_bytes(content)
        assert tempo(path) == (96.5, BpmSource.TAG)
    path.write_bytes(big_wav(tone(1.0), chunk(b"id3 ", id3_with(TKEY="6d")), form=b"BW64"))
    assert key(path) == ("B", "major", KeySource.TAG)


def test_a_stated_tempo_is_nearly_sure_and_a_listed_one_wholly(tmp_path: Path) -> None:
    path = tmp_path / "loop_128bpm.wav"
    path.write_bytes(wav(tone(1.0)))
    assert stated_tempo(read_written(path), None, 1.0) == Tempo(128.0, BpmSource.FILENAME, 0.9)
    assert stated_tempo(read_written(path), 128.0, 1.0) == Tempo(128.0, BpmSource.MANIFEST, 1.0)
