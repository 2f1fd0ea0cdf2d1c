"""Every command in the README works as it stands there."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.checkpoints import beat_checkpoint
from tests.commands import Command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
ROLES = {
    "ambi_dark_woosh": "fx",
    "ambi_lunar_land": "fx",
    "ambi_glass_hum": "chords",
    "loop_drone_g_97": "chords",
    "dirtylove_bass_bar001_177bpm": "bass",
    "dirtylove_melody_bar009_177bpm": "melody",
    "dirtylove_percussion_bar009_177bpm": "percussion",
    "loop_breakbeat_126bpm": "percussion",
    "loop_perc1_97": "percussion",
    "loop_amen_full_140bpm": "percussion",
}


def commands() -> list[list[str]]:
    """The commands of all `sh` blocks, comments dropped; a quoted word may go over several lines."""
    found, begun = [], ""
    for line in "".join(re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)).splitlines():
        begun += line + "\n"
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            continue
        found += [words] if words else []
        begun = ""
    return found


@pytest.fixture(scope="module")
def place(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the folders that the README speaks of."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(music / "tracks", place / "music")
    (place / "loops").mkdir()
    lines = ["path,roles,group,licence"]
    for name, role in ROLES.items():
        shutil.copyfile(music / "loops" / f"{name}.ogg", place / "loops" / f"{name}.ogg")
        lines.append(f"{name}.ogg,{role},{name},CC0-1.0")
    (place / "loops" / "manifest.csv").write_text("\n".join(lines) + "\n")
    beat_checkpoint(place / "small0.ckpt")
    (place / "music.csv").write_text("path,bpm\nmusic/dirtylove.ogg,177\nmusic/loop_arrangement.ogg,128\n")
    composition = place / "compositions" / "arrangement"
    composition.mkdir(parents=True)
    (composition / "mix.ogg").symlink_to(music / "tracks" / "loop_arrangement.ogg")
    (composition / "info.json").write_text(json.dumps({"bpm": 128}))
    header = "bar_start,start_s,end_s,bass,percussion,fx,melody,chords,vocal"
    truth = [f"{bar},0,0,{int(16 <= bar < 48)},{int(not 48 <= bar < 56)},0,0,0,0" for bar in range(0, 96, 4)]
    (composition / "truth.csv").write_text("\n".join([header, *truth]) + "\n")
    return place


def test_every_command_does_what_the_readme_says(rolecall: Command, place: Path) -> None:
    here = Command({**rolecall.settings, "ROLECALL_WORKSPACE": str(place / "workspace")})
    for words in commands():
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= TARGETS
            continue
        assert words[0] == "rolecall"
        ended = here(*words[1:], cwd=place)
        assert ended.code == 0, (words, ended.err)


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README)
    assert pictures
    assert all((ROOT / picture).exists() for picture in pictures)
