"""Tags are written so that a reader finds them, everything else in the file stays, and the sound is the same."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from tinytag import TinyTag

from storage.published.track_labels import TrackLabels
from tasks.exports.tags.errors import TagError
from tasks.exports.tags.flac import write_flac
from tasks.exports.tags.id3 import write_id3
from tasks.exports.tags.ogg import write_ogg
from tasks.exports.tags.writing import fields_of, preview_tags, tag_copies, tag_in_place
from tests.support.dummies import TRACKS, id3_with, noise, write

FIELDS = {"ROLES": "bass;melody", "BPM": "127.5", "INITIALKEY": "F#m"}
WRITERS = {"mp3": write_id3, "flac": write_flac, "ogg": write_ogg, "opus": write_ogg}


def encoded(path: Path) -> Path:
    """Two seconds of noise in the format of the extension, with a title, an artist and a wrong tempo."""
    codec, rate = {"mp3": ("libmp3lame", 44_100), "flac": ("flac", 44_100), "opus": ("libopus", 48_000)}[
        path.suffix[1:]
    ]
    with av.open(str(path), "w") as file:
        file.metadata.update({"title": "Hémo", "artist": "you", "TBPM" if path.suffix == ".mp3" else "BPM": "99"})
        stream = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((noise(2, rate) * 32_767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            file.mux(packet)
    return path


def music(folder: Path, extension: str) -> Path:
    if extension == "ogg":
        return Path(shutil.copyfile(TRACKS / "dirtylove.ogg", folder / "a.ogg"))
    return encoded(folder / f"a.{extension}")


def sound(path: Path) -> str:
    samples, _ = soundfile.read(path, dtype="float32")
    return hashlib.sha256(samples.tobytes()).hexdigest()


def said(path: Path) -> dict[str, str]:
    """The tags of a file as FFmpeg reads them, their names in capitals."""
    with av.open(str(path)) as file:
        read = {**file.metadata, **file.streams.audio[0].metadata}
    return {name.upper(): text for name, text in read.items()}


def rewritten(path: Path, fields: dict[str, str]) -> Path:
    target = path.with_stem("b")
    with path.open("rb") as source, target.open("wb") as file:
        WRITERS[path.suffix[1:]](source, file, fields)
    return target


@pytest.mark.parametrize("extension", WRITERS)
def test_readers_find_the_fields_and_the_old_ones_and_the_sound_is_the_same(tmp_path: Path, extension: str) -> None:
    path = music(tmp_path, extension)
    target = rewritten(path, FIELDS)
    before, after = said(path), said(target)
    names = {name: name for name in FIELDS} | ({"BPM": "TBPM", "INITIALKEY": "TKEY"} if extension == "mp3" else {})
    assert {name: after[names[name]] for name in FIELDS} == FIELDS
    assert {name: after[name] for name in before if name not in names.values()} == {
        name: text for name, text in before.items() if name not in names.values()
    }
    assert sound(target) == sound(path)
    other = TinyTag.get(target).other
    assert (other["roles"], [float(bpm) for bpm in other["bpm"]]) == ([FIELDS["ROLES"]], [127.5])
    assert other["initial_key"] == ["F#m"]


@pytest.mark.parametrize("extension", WRITERS)
def test_writing_again_changes_the_fields_and_adds_none(tmp_path: Path, extension: str) -> None:
    once = rewritten(music(tmp_path, extension), FIELDS)
    again = Path(shutil.copyfile(once, tmp_path / f"a.{extension}"))
    assert rewritten(again, FIELDS).read_bytes() == once.read_bytes() or extension == "mp3"
    other = TinyTag.get(rewritten(again, {"ROLES": "fx"})).other
    assert (other["roles"], [float(bpm) for bpm in other["bpm"]]) == (["fx"], [127.5])


@pytest.mark.parametrize("length", [10, 70_000, 200_000])
def test_comments_that_take_more_pages_than_before_leave_the_sound_as_it_is(tmp_path: Path, length: int) -> None:
    for extension in ("ogg", "opus"):
        path = music(tmp_path, extension)
        target = rewritten(path, {"LONG": "x" * length})
        assert TinyTag.get(target).other["long"] == ["x" * length]
        assert sound(target) == sound(path)
        back = rewritten(Path(shutil.copyfile(target, path)), {"LONG": "short"})
        assert sound(back) == sound(path)


@pytest.mark.parametrize("frames", [{}, {"TIT2": "Song", "TBPM": "99"}])
def test_an_older_id3_tag_keeps_its_version_and_its_other_frames(tmp_path: Path, frames: dict[str, str]) -> None:
    bare = encoded(tmp_path / "bare.mp3").read_bytes()
    audio = bare[bare.index(b"\xff\xfb") :]
    path = tmp_path / "a.mp3"
    path.write_bytes((id3_with(**frames) if frames else b"") + audio)
    target = rewritten(path, FIELDS)
    assert target.read_bytes()[3] == (3 if frames else 4)
    assert TinyTag.get(target).title == frames.get("TIT2")
    assert said(target)["TBPM"] == "127.5"
    assert target.read_bytes().endswith(audio)


@pytest.mark.parametrize(
    ("extension", "content"),
    [
        ("mp3", b""),
        ("mp3", b"RIFF0000WAVE"),
        ("mp3", b"ID3\x02\x00\x00\x00\x00\x00\x00"),
        ("mp3", b"ID3\x04\x00\x80\x00\x00\x00\x00"),
        ("mp3", b"ID3\x04\x00\x00\x00\x00\x00\x0cTIT2\x00\x00\x7f\x7f\x00\x00\x00a"),
        ("flac", b"ID3\x04\x00\x00\x00\x00\x00\x00fLaC"),
        ("flac", b"fLaC\x00\x00\x00\x22"),
        ("ogg", b""),
        ("ogg", b"OggS\x00\x02"),
        ("ogg", b"not an Ogg file, and longer than a header of a page"),
    ],
)
def test_a_file_that_is_not_understood_is_refused(tmp_path: Path, extension: str, content: bytes) -> None:
    path = tmp_path / f"a.{extension}"
    path.write_bytes(content)
    with pytest.raises(TagError):
        rewritten(path, FIELDS)


@pytest.fixture
def library(tracks: list[TrackLabels], tmp_path: Path) -> list[TrackLabels]:
    """Three tracks: an MP3, a WAV, and one that is gone."""
    folder = tmp_path / "music" / "deep"
    folder.mkdir(parents=True)
    paths = [encoded(folder / "a.mp3"), write(folder / "b.wav", noise()), folder / "gone.flac"]
    return [
        replace(track, facts=track.facts._replace(path=str(path)))
        for track, path in zip(tracks[:3], paths, strict=True)
    ]


def test_copies_lie_below_the_target_as_below_the_root_and_the_music_stays_as_it_is(
    library: list[TrackLabels], tmp_path: Path
) -> None:
    before = (tmp_path / "music" / "deep" / "a.mp3").read_bytes()
    done = list(tag_copies(library, tmp_path / "music", tmp_path / "copies"))
    assert [one.problem and one.problem.partition(":")[0] for one in done] == [
        None,
        "no tags are written into .wav",
        "it cannot be read or written",
    ]
    assert said(tmp_path / "copies" / "deep" / "a.mp3")["ROLES"] == "bass;percussion;melody"
    assert [path.name for path in (tmp_path / "copies").rglob("*.*")] == ["a.mp3"]
    assert (tmp_path / "music" / "deep" / "a.mp3").read_bytes() == before


def test_in_place_the_old_file_is_kept_first(library: list[TrackLabels], tmp_path: Path) -> None:
    path = tmp_path / "music" / "deep" / "a.mp3"
    before = path.read_bytes()
    assert [one.problem is None for one in tag_in_place(library, tmp_path / "music", tmp_path / "kept")] == [
        True,
        False,
        False,
    ]
    assert (tmp_path / "kept" / "deep" / "a.mp3").read_bytes() == before
    assert said(path)["ROLES"] == "bass;percussion;melody"


def test_a_preview_writes_nothing(library: list[TrackLabels], tmp_path: Path) -> None:
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    assert next(preview_tags(library)).fields["ROLES"] == "bass;percussion;melody"
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


def test_a_tempo_that_is_a_guess_is_not_written(tracks: list[TrackLabels]) -> None:
    sure, guess = (
        replace(tracks[0], facts=tracks[0].facts._replace(bpm=177.0, bpm_confidence=confidence))
        for confidence in (0.9, 0.2)
    )
    assert fields_of(sure)["BPM"] == "177"
    assert "BPM" not in fields_of(guess)
