"""A folder of broken files: each is named for what is wrong with it, and the rest is labelled."""

import os
import shutil
import struct
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.support.commands import Program
from tests.support.dummies import LOOPS, clicks, noise, write

TIME_LIMIT_S = 15
WITHOUT_ROOTS_RIGHTS = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")


def break_files(folder: Path) -> dict[str, str]:
    """Fill a folder with broken files; maps their names to the reasons they deserve."""
    (folder / "empty.wav").touch()
    (folder / "garbage.mp3").write_bytes(np.random.default_rng(1).bytes(5000).replace(b"\xff", b"\x00"))
    for name in ("cut.wav", "cut.mp3", "cut.ogg", "cut.flac"):
        content = write(folder / name, noise(3.0, 44_100), 44_100).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    write(folder / "no_frames.wav", noise(0.0))
    write(folder / "short.wav", noise(0.1))
    nan = noise(2.0)
    nan[1000] = np.nan
    write(folder / "nan.wav", nan, subtype="FLOAT")
    write(folder / "silence.flac", np.zeros(32_000, np.float32))
    thirteen_hours_long(folder / "thirteen_hours.wav")
    write(folder / "secret.wav", noise(1.0)).chmod(0)
    write(folder / "vanishing.wav", noise(1.2))
    (folder / "loop_a.wav").symlink_to(folder / "loop_b.wav")
    (folder / "loop_b.wav").symlink_to(folder / "loop_a.wav")
    (folder / "around").symlink_to(folder)
    write(folder / "kills.wav", noise(1.3))
    write(folder / "hangs.wav", noise(1.1))
    return {
        "empty.wav": "empty",
        "garbage.mp3": "unreadable",
        "cut.wav": "truncated",
        "cut.mp3": "truncated",
        "cut.ogg": "truncated",
        "cut.flac": "truncated",
        "no_frames.wav": "too_short",
        "short.wav": "too_short",
        "nan.wav": "nonfinite",
        "silence.flac": "silent",
        "thirteen_hours.wav": "too_long",
        "secret.wav": "permission",
        "vanishing.wav": "vanished",
        "loop_a.wav": "unreadable",
        "loop_b.wav": "unreadable",
        "kills.wav": "worker_killed",
        "hangs.wav": "timeout",
    }


def thirteen_hours_long(path: Path) -> None:
    """A WAV of 8 bits at 8 kHz that is a hole on the disk."""
    size = 13 * 3600 * 8000
    form = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", size + 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", size
    )
    path.write_bytes(form)
    os.truncate(path, size + len(form))


def good_files(folder: Path) -> list[str]:
    """Put files into a folder that are unusual and fine; returns their names."""
    stereo = np.stack([noise(2.0, 96_000), noise(2.0, 96_000, seed=1)], axis=1)
    soundfile.write(folder / "24 bits at 96 kHz.wav", stereo, 96_000, subtype="PCM_24")
    soundfile.write(folder / "8 bits.wav", noise(2.0), 16_000, subtype="PCM_U8")
    soundfile.write(folder / "six channels.flac", np.repeat(noise(2.0, seed=2)[:, None], 6, axis=1), 16_000)
    names = [
        "🥁 loop 🎹.wav",
        unicodedata.normalize("NFD", "Düsseldörf çé.wav"),
        "two\nlines.wav",
        "a 'quote\" here.wav",
    ]
    for place, name in enumerate(names):
        write(folder / name, clicks(120, 4.0 + place))
    shutil.copyfile(LOOPS / "loop_amen_full_140bpm.ogg", folder / "loop_amen_full_140bpm.ogg")
    return ["24 bits at 96 kHz.wav", "8 bits.wav", "six channels.flac", *names, "loop_amen_full_140bpm.ogg"]


@pytest.mark.drill
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="takes root's rights away with setpriv")
def test_each_broken_file_is_named_and_the_rest_is_labelled(program: Program, tmp_path: Path) -> None:
    folder, workspace = tmp_path / "audio", tmp_path / "workspace"
    folder.mkdir()
    good, reasons = good_files(folder), break_files(folder)
    preloaded = Path(__file__).parents[2] / "support" / "failing_decoders.py"
    settings = {
        **program.settings,
        "DASK_DISTRIBUTED__WORKER__PRELOAD": str([str(preloaded)]),
        "TEST_VANISHING": str(folder / "vanishing.wav"),
    }
    command = replace(program, settings=settings, prefix=WITHOUT_ROOTS_RIGHTS if os.geteuid() == 0 else ())
    limit = ("--time-limit", str(TIME_LIMIT_S))
    ended = command("label", folder, "--workers", "2", *limit, "--workspace", workspace, "--json")
    assert ended.code == 3, ended.err

    def rows(sql: str) -> list[tuple[object, ...]]:
        return ask(Workspace(workspace), sql).rows

    found = {Path(str(path)).name: reason for path, reason in rows("SELECT path, reason FROM errors")}
    assert found == reasons
    labelled = {str(path) for (path,) in rows("SELECT path FROM tracks WHERE status <> 'quarantined'")}
    assert labelled == {str(folder / name) for name in good}
    assert rows("SELECT count(*) FROM roles") == [(6 * len(good),)]
    counts = ended.json()
    assert (counts["found"], counts["labelled"], counts["quarantined"]) == (
        len(good) + len(reasons),
        len(good),
        len(reasons),
    )
    assert not (workspace / "reading").exists()

    again = command("label", folder, *limit, "--workspace", workspace, "--json").json()
    assert again["decoded"] <= 1, "only the file that vanished may be looked for again"
