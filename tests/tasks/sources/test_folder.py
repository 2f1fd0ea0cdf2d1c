import json
from pathlib import Path

import numpy as np
import pytest

from storage.errors import UserError
from storage.files import sha256_of
from storage.vocabulary import BpmSource, Reason
from tasks.audio.decoding import AudioError
from tasks.metadata.manifests import Row
from tasks.sources.folder import folder_offer, loop_from
from tests.support.chunked_files import acid, aiff, basc, cate, wav
from tests.support.dummies import RATE, clicks, id3_with, tone, write

HEADER = "path,roles,bpm,key,bars,group,licence,author,url,mood\n"


def described(folder: Path, row: str) -> Path:
    (folder / "manifest.csv").write_text(HEADER + row + "\n")
    return folder


def test_a_described_loop_keeps_everything_that_is_said_of_it(tmp_path: Path) -> None:
    path = write(tmp_path / "kit" / "a.wav", tone(2.0))
    described(tmp_path, "kit/a.wav,percussion;bass,120,Bb minor,1,song,CC0,Ana,https://example.org,dark")
    (row,) = folder_offer(tmp_path, None).rows
    loop = loop_from(row)
    assert loop.roles == ("bass", "percussion")
    assert (loop.bpm, loop.bpm_source, loop.bars) == (120.0, BpmSource.MANIFEST, 1.0)
    assert (loop.key, loop.mode, loop.group) == ("A#", "minor", "song")
    assert (loop.licence, loop.author, loop.url) == ("CC0", "Ana", "https://example.org")
    assert json.loads(loop.extra) == {"mood": "dark"}
    assert (loop.path, loop.sha256, loop.duration_s) == (str(path), sha256_of(path), 2.0)


def test_a_bare_folder_offers_all_its_audio_and_the_names_speak(tmp_path: Path) -> None:
    write(tmp_path / "kit" / "b_97bpm.wav", tone(1.0))
    write(tmp_path / "kit" / "a.flac", tone(1.5))
    (tmp_path / "cover.jpg").touch()
    first, second = (loop_from(row) for row in folder_offer(tmp_path, None).rows)
    assert (first.bpm, first.bpm_source, first.roles, first.licence) == (None, None, (), "unspecified")
    assert (second.bpm, second.bpm_source, second.group) == (97.0, BpmSource.FILENAME, "kit")


def test_a_name_speaks_where_the_manifest_is_silent_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "Bass_Loop_124_Am.wav", tone(1.0))
    (named,) = (loop_from(row) for row in folder_offer(tmp_path, None).rows)
    assert (named.roles, named.roles_source) == (("bass",), "filename")
    assert (named.key, named.mode, named.key_source) == ("A", "minor", "filename")
    assert (named.bpm, named.bpm_source) == (124.0, BpmSource.FILENAME)
    described(tmp_path, "Bass_Loop_124_Am.wav,fx,90,C major")
    (loop,) = (loop_from(row) for row in folder_offer(tmp_path, None).rows)
    assert (loop.roles, loop.roles_source, loop.key, loop.key_source) == (("fx",), "manifest", "C", "manifest")
    assert (loop.bpm, loop.bpm_source) == (90.0, BpmSource.MANIFEST)


def test_tags_speak_before_the_name_and_after_the_manifest(tmp_path: Path) -> None:
    mp3 = write(tmp_path / "c_Drums_Cm_124.mp3", tone(1.0))
    mp3.write_bytes(id3_with(TKEY="F#m", TIT2="Deep.Bass 01", TBPM="97") + mp3.read_bytes())
    write(tmp_path / "b.wav", tone(1.0))
    loop = loop_from(Row("here", mp3, {}))
    assert (loop.roles, loop.roles_source) == (("bass",), "tag")
    assert (loop.key, loop.mode, loop.key_source) == ("F#", "minor", "tag")
    assert (loop.bpm, loop.bpm_source) == (97.0, BpmSource.TAG)
    told = loop_from(Row("here", mp3, {"roles": "fx", "key": "C"}))
    assert (told.roles_source, told.key, told.mode, told.key_source) == ("manifest", "C", None, "manifest")
    (silent,) = (loop_from(Row("here", tmp_path / "b.wav", {})),)
    assert (silent.roles, silent.roles_source, silent.key, silent.bpm) == ((), None, None, None)


def test_a_one_shot_is_flagged_by_its_listing_by_a_loop_library_or_by_its_sound(tmp_path: Path) -> None:
    fading = (tone(1.0) * np.exp(-7 * np.linspace(0, 1, RATE))).astype(np.float32)
    hit = write(tmp_path / "kick.wav", fading)
    flagged = tmp_path / "drums.wav"
    flagged.write_bytes(wav(clicks(120, 4.0), acid(120.0, 8, one_shot=True)))
    beat = write(tmp_path / "beat.wav", clicks(120, 4.0))
    rows = [
        Row("here", hit, {}), Row("here", hit, {"roles": "percussion"}), Row("here", hit, {"kind": "loop"}),
        Row("here", flagged, {"roles": "percussion"}), Row("here", flagged, {"bpm": "120"}),
        Row("here", beat, {}), Row("here", beat, {"kind": "oneshot"}),
    ]  # fmt: skip
    flags = [loop_from(row).flags for row in rows]
    assert flags == [("oneshot",), (), (), ("oneshot",), (), (), ("oneshot",)]


def test_a_number_in_a_name_is_the_tempo_of_a_loop_unless_its_sound_contradicts(tmp_path: Path) -> None:
    named, numbered = (write(tmp_path / name, clicks(128, 7.5)) for name in ("beat 128.wav", "SH-101 beat.wav"))
    loops = [loop_from(Row("here", path, {})) for path in (named, numbered)]
    assert [(loop.bpm, loop.bpm_source) for loop in loops] == [(128.0, BpmSource.FILENAME), (128.0, BpmSource.LENGTH)]


def test_what_a_loop_library_wrote_speaks_before_the_name(tmp_path: Path) -> None:
    path = tmp_path / "vox_90bpm.aif"
    path.write_bytes(aiff(clicks(120, 4.0), basc(8, root=50, scale=1), cate("Drums", "Drum Kit")))
    loop = loop_from(Row("here", path, {}))
    assert (loop.bpm, loop.bpm_source, loop.flags) == (120.0, BpmSource.APPLE_LOOP, ())
    assert (loop.key, loop.mode, loop.key_source) == ("D", "minor", "apple_loop")
    assert (loop.roles, loop.roles_source) == (("percussion",), "apple_loop")


def test_the_same_bytes_are_one_loop_under_any_name(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", tone(1.0))
    write(tmp_path / "b.wav", tone(1.0))
    assert len({loop_from(row).loop_id for row in folder_offer(tmp_path, None).rows}) == 1


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a.wav,drums", "line 2: no role 'drums'; the roles are bass"),
        ("a.wav,bass,fast", "line 2: bpm is 'fast'"),
        ("a.wav,bass,19", "line 2: bpm is 19"),
        ("a.wav,bass,120,C,many", "line 2: bars is 'many'"),
        ("a.wav,bass,120,C,-4", "line 2: bars is -4"),
        (",bass", "line 2: no path"),
    ],
)
def test_a_wrong_line_is_refused_before_any_file_is_read(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        folder_offer(described(tmp_path, row), None)


def test_a_manifest_elsewhere_is_read_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "mine.csv").write_text("path,roles\n../a.wav,fx\n")
    assert folder_offer(tmp_path, tmp_path / "lists" / "mine.csv").rows[0].path == tmp_path / "a.wav"


def test_a_file_for_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a folder"):
        folder_offer(write(tmp_path / "a.wav", tone()), None)


def test_a_loop_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    with pytest.raises(AudioError) as caught:
        loop_from(folder_offer(described(tmp_path, "gone.wav,bass"), None).rows[0])
    assert caught.value.reason is Reason.VANISHED
