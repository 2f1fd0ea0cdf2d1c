"""What belongs to a library: every kind of thing that lies between music on real disks."""

import os
import socket
from pathlib import Path

import pytest

from storage.errors import UserError
from tasks.audio.library import Walk


def make(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def walked(*roots: Path) -> tuple[list[str], dict[str, int]]:
    """The audio of a walk, relative to the first root, and what it passed over."""
    walk = Walk(roots)
    found = [f"{folder}/{name}" for folder, name in walk.audio()]
    return [os.path.relpath(path, roots[0]) for path in found], dict(walk.omissions.kinds)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["._kick.wav", "__MACOSX/kick.wav", ".AppleDouble/kick.wav"], "appledouble"),
        (["@eaDir/kick.wav/SYNOINDEX_MEDIA_INFO", "@EADIR/kick.wav", ".@__thumb/kick.wav"], "system"),
        (["System Volume Information/kick.wav", "lost+found/#12.wav", "FOUND.000/a.wav"], "system"),
        ([".Spotlight-V100/kick.wav", ".fseventsd/kick.wav", "#snapshot/kick.wav"], "system"),
        (["Thumbs.db", "desktop.ini", ".DS_Store"], "system"),
        (["$RECYCLE.BIN/a.wav", "#recycle/a.wav", "@Recycle/a.wav"], "waste_basket"),
        ([".Trash/a.wav", ".Trash-1000/files/a.wav", ".Trashes/501/a.wav"], "waste_basket"),
        (["kick.wav.part", "kick.wav.crdownload", "kick.tmp", "kick.wav.download/kick.wav"], "temporary"),
        ([".nfs00000000012.wav", ".git/kick.wav", ".stversions/kick.wav", ".hidden.wav"], "hidden"),
        (["Song.logicx/Media/kick.wav", "Song.band/Media/kick.aif", "Drums.vst3/kick.wav"], "bundle"),
        (["kick.wav.asd", "Live Project/Ableton Project Info/Project8_1.cfg", "cover.jpg"], "no_audio"),
    ],
)
def test_what_belongs_to_no_library_is_passed_over_and_counted_by_its_kind(
    tmp_path: Path, names: list[str], kind: str
) -> None:
    make(tmp_path, "own.wav", *names)
    assert walked(tmp_path) == (["own.wav"], {kind: len(names)})


def test_a_folder_that_is_passed_over_counts_as_one(tmp_path: Path) -> None:
    make(tmp_path, "#recycle/a.wav", "#recycle/b/c.wav")
    assert walked(tmp_path) == ([], {"waste_basket": 1})


def test_music_with_an_unusual_name_is_music(tmp_path: Path) -> None:
    names = [
        *("...And Justice for All/a.wav", "Trash/a.wav", "Recycle/a.wav", "folder.wav/a.wav", "Samples/Imported/a.wav"),
        *("line\nbreak.wav", "quote\"'.wav", "🥁.wav", "-rf.wav", " .wav", "a" * 251 + ".wav"),
        *("e\u0301.wav", "\u00e9.wav"),
    ]
    make(tmp_path, *names)
    found, passed_over = walked(tmp_path)
    assert (sorted(found), passed_over) == (sorted(names), {})


@pytest.mark.parametrize(
    "extension",
    [
        *("wav", "WAV", "wave", "WaVe", "bwf", "rf64", "w64", "aif", "Aif", "aiff", "aifc", "caf", "au"),
        *("flac", "ogg", "oga", "opus", "mp3", "m4a", "mp4", "wma"),
    ],
)
def test_every_extension_of_audio_counts_in_any_case(tmp_path: Path, extension: str) -> None:
    make(tmp_path, f"kick.{extension}")
    assert walked(tmp_path) == ([f"kick.{extension}"], {})


def test_what_was_named_is_walked_whatever_it_is_called(tmp_path: Path) -> None:
    make(tmp_path, ".samples/a.wav", "@eaDir/b.wav", "._c.wav")
    found, passed_over = walked(tmp_path / ".samples", tmp_path / "@eaDir", tmp_path / "._c.wav")
    assert (found, passed_over) == (["a.wav", "../@eaDir/b.wav", "../._c.wav"], {})


def test_linked_folders_are_followed_and_each_real_folder_is_walked_once(tmp_path: Path) -> None:
    make(tmp_path, "music/own.wav", "disk2/pack/linked.wav")
    for link in ("a", "b"):
        (tmp_path / "music" / link).symlink_to(tmp_path / "disk2" / "pack")
    (tmp_path / "disk2" / "pack" / "up").symlink_to(tmp_path / "music")
    assert walked(tmp_path / "music") == (["own.wav", "a/linked.wav"], {"linked_again": 2})


def test_a_real_folder_is_found_under_its_own_path_even_if_a_link_comes_first(tmp_path: Path) -> None:
    make(tmp_path, "z/kick.wav")
    (tmp_path / "a").symlink_to("z")
    assert walked(tmp_path) == (["z/kick.wav"], {"linked_again": 1})


def test_a_link_to_a_folder_around_it_is_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "home/private.wav", "home/music/own.wav")
    (tmp_path / "home" / "music" / "up").symlink_to("..")
    assert walked(tmp_path / "home" / "music") == (["own.wav"], {"linked_again": 1})


def test_a_link_to_a_file_is_music_unless_its_file_is_found_itself(tmp_path: Path) -> None:
    make(tmp_path, "music/own.wav", "disk2/kick.wav", "disk2/#recycle/old.wav")
    for link, target in (("1.wav", "own.wav"), ("2.wav", "../disk2/kick.wav"), ("3.wav", "../disk2/kick.wav")):
        (tmp_path / "music" / link).symlink_to(target)
    (tmp_path / "music" / "4.wav").symlink_to("../disk2/#recycle/old.wav")
    assert walked(tmp_path / "music") == (["own.wav", "2.wav", "4.wav"], {"linked_again": 2})


def test_a_broken_link_named_like_audio_is_found_and_missed_and_any_other_is_counted(tmp_path: Path) -> None:
    for name, target in (("kick.wav", "gone.wav"), ("pack", "/no/such/disk"), ("a", "b"), ("b", "a")):
        (tmp_path / name).symlink_to(target)
    assert walked(tmp_path) == (["kick.wav"], {"broken_link": 3})


def test_pipes_and_sockets_are_never_opened(tmp_path: Path) -> None:
    make(tmp_path, "own.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "linked.wav").symlink_to("pipe.wav")
    (tmp_path / "null.wav").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.wav"))
        assert walked(tmp_path) == (["own.wav"], {"special": 4})


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    """No user may list it: its path is longer than the system takes."""
    make(tmp_path, "own.wav")
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(20):
            os.mkdir("d" * 250, dir_fd=here)
            below = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
    finally:
        os.close(here)
    walk = Walk([tmp_path])
    assert [name for _, name in walk.audio()] == ["own.wav"]
    assert walk.omissions.kinds == {"unlisted": 1}
    ((folder, reason),) = walk.omissions.unlisted.items()
    assert (folder.startswith(f"{tmp_path}/ddd"), reason) == (True, "File name too long")
    assert list(walk.omissions.sentences()) == [
        "passed over 1: folders that cannot be listed 1",
        f"{folder} cannot be listed: File name too long; nothing in it was found",
    ]


def test_a_folder_named_inside_another_is_walked_once(tmp_path: Path) -> None:
    make(tmp_path, "kit/a.wav", "b.wav")
    found, passed_over = walked(tmp_path, tmp_path / "kit", tmp_path / "kit" / "a.wav", tmp_path)
    assert (sorted(found), passed_over) == (["b.wav", "kit/a.wav"], {})


def test_what_is_passed_over_is_said_in_words_and_in_json(tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "cover.jpg", "notes.txt", "@eaDir/a.wav")
    walk = Walk([tmp_path])
    assert len(list(walk.audio())) == 1
    assert list(walk.omissions.sentences()) == ["passed over 3: no audio 2, what a system or a NAS keeps for itself 1"]
    assert walk.omissions.to_dict() == {
        "passed_over": 3,
        "passed_over_by_kind": {"no_audio": 2, "system": 1},
        "unlisted_folders": [],
    }


def test_a_root_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere is not there; name a file or a folder of audio"):
        Walk([tmp_path, tmp_path / "nowhere"])
    with pytest.raises(UserError, match="File name too long"):
        Walk([tmp_path / ("n" * 300)])
