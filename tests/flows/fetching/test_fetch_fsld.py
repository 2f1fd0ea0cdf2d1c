"""Fetching the Freesound Loop Dataset from a double of its record."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from storage.published.queries import ask
from storage.workspace import Workspace
from tests.doubles.fsld import good_annotations, small_fsld, varied_fsld
from tests.doubles.zenodo import Zenodo, zenodo
from tests.support.commands import Command, Ended

pytestmark = pytest.mark.slow

REFUSED = {
    ("fsld:10", "licence"), ("fsld:7", "vanished"),
    ("fsld:8", "unreadable"), ("fsld:9", "licence"), ("fsld:annotations/13/sound-1.json", "malformed"),
}  # fmt: skip


@pytest.fixture
def double() -> Iterator[Zenodo]:
    with zenodo(small_fsld()) as running:
        yield running


def fetched(rolecall: Command, double: Zenodo, root: Path, *words: str) -> Ended:
    command = replace(rolecall, settings={**rolecall.settings, "ROLECALL_ZENODO_URL": double.url})
    return command("fetch", "fsld", "--workspace", root, "--workers", "1", "--json", *words)


def table(rolecall: Command, root: Path) -> dict[int, dict[str, Any]]:
    loops = rolecall("loops", "list", "--workspace", root, "--json").json()
    return {loop["extra"]["sound_id"]: loop for loop in loops}


def test_every_sound_is_a_loop_or_has_a_reason_and_a_second_fetch_asks_for_nothing_again(
    rolecall: Command, double: Zenodo, tmp_path: Path
) -> None:
    first = fetched(rolecall, double, tmp_path)
    assert first.code == 3, first.err
    counted = {
        "found": 10,
        "loops": 4,
        "duplicate": 1,
        "quarantined": 5,
        "known_bad": 0,
        "passed_over": 0,
        "left_out": 2,
    }
    assert first.json() == counted
    loops = table(rolecall, tmp_path)
    assert sorted(loops) == [1, 2, 3, 4]
    drums, bass, both, odd = (loops[number] for number in (1, 2, 3, 4))
    assert (drums["roles"], drums["unknown_roles"], drums["annotators"]) == (["percussion"], ["fx"], 2)
    assert (drums["bpm"], drums["bpm_source"], drums["bars"]) == (120, "annotators", 2)
    assert (bass["bpm"], bass["bpm_source"], bass["key"], bass["mode"]) == (128, "tag", "C#", None)
    assert (both["roles"], both["key"], both["mode"]) == (["bass", "melody"], "A", "minor")
    assert odd["flags"] == ["not_well_cut", "not_4_4", "not_whole_bars"]
    assert (odd["licence_class"], odd["author"], odd["url"]) == ("by-nc", "bo", "https://freesound.org/s/4/")
    assert [one["annotator"] for one in drums["extra"]["annotations"]] == ["11", "12"]
    assert set(ask(Workspace(tmp_path), "SELECT path, reason FROM errors").rows) == REFUSED

    asked, sent = len(double.asked), double.bytes_sent
    again = fetched(rolecall, double, tmp_path)
    assert (again.code, again.json()) == (0, counted | {"quarantined": 0, "known_bad": 5})
    assert table(rolecall, tmp_path) == loops
    # The record, and the tail and directory of the archive; no annotation, no metadata, no member.
    assert [path.rsplit("/", 2)[-2:] for path, _ in double.asked[asked:]] == [
        ["records", "3967852"], ["FSL10K.zip", "content"],
    ]  # fmt: skip
    assert double.bytes_sent - sent < 6000


def test_only_the_wanted_roles_and_licences_come(rolecall: Command, double: Zenodo, tmp_path: Path) -> None:
    ended = fetched(rolecall, double, tmp_path, "--roles", "melody", "--exclude-noncommercial")
    assert (ended.json()["loops"], ended.json()["passed_over"]) == (1, 1)
    assert sorted(path.name for path in (tmp_path / "sources" / "fsld" / "audio").iterdir()) == ["3.wav"]
    fetched(rolecall, double, tmp_path, "--limit", "2")
    assert sorted(table(rolecall, tmp_path)) == [1, 2, 3]


def test_the_annotations_alone_are_a_table_and_no_audio_is_asked_for(
    rolecall: Command, double: Zenodo, tmp_path: Path
) -> None:
    double.files |= good_annotations()
    ended = fetched(rolecall, double, tmp_path, "--annotations-only")
    # What its annotators leave out by a rule is no fault.
    assert (ended.code, ended.json()["left_out"], ended.json()["found"]) == (0, 2, 0)
    listed = rolecall("loops", "left-out", "--workspace", tmp_path, "--json").json()
    assert [(row["sound_id"], row["left_out"].split(":")[0]) for row in listed] == [
        (5, "discarded"), (6, "disagreement"),
    ]  # fmt: skip
    rows = {row["sound_id"]: row for row in pq.read_table(tmp_path / "sources/fsld/annotations.parquet").to_pylist()}
    assert (rows[1]["roles"], rows[1]["annotators"], rows[5]["roles"]) == (["percussion"], 2, [])
    assert rows[5]["left_out"].startswith("discarded")
    assert not any("FSL10K" in path for path, _ in double.asked)


def test_a_server_without_ranges_is_fetched_whole(rolecall: Command, double: Zenodo, tmp_path: Path) -> None:
    double.ranges = False
    assert fetched(rolecall, double, tmp_path).json()["loops"] == 4
    assert (tmp_path / "sources" / "fsld" / "FSL10K.zip").exists()


def test_the_archive_comes_whole_where_that_is_wanted_and_goes_on_where_it_was_cut(
    rolecall: Command, double: Zenodo, tmp_path: Path
) -> None:
    archive = tmp_path / "sources" / "fsld" / "FSL10K.zip"
    archive.parent.mkdir(parents=True)
    # What an earlier run left; the annotations come first, whole, then the rest of the archive is cut twice.
    archive.with_name("FSL10K.zip.part").write_bytes(double.files["FSL10K.zip"][:1000])
    double.cuts = [10**9, 40_000, 0]
    assert fetched(rolecall, double, tmp_path, "--whole-archive").json()["loops"] == 4
    assert archive.read_bytes() == double.files["FSL10K.zip"]
    starts = [int((asked or "bytes=0-")[6:-1]) for path, asked in double.asked if "FSL10K" in path]
    assert (len(starts), starts[0], starts[1] == starts[2]) == (3, 1000, True)
    assert 1000 < starts[1] <= 41_000


def test_what_cannot_be_had_is_one_line_and_leaves_nothing_half(
    rolecall: Command, double: Zenodo, tmp_path: Path
) -> None:
    double.wrong_digest = True
    ended = fetched(rolecall, double, tmp_path)
    assert (ended.code, ended.err.count("Traceback")) == (2, 0)
    assert "annotations.zip: its md5 is" in ended.err
    assert list((tmp_path / "sources" / "fsld").iterdir()) == []
    assert "no role 'drums'" in fetched(rolecall, double, tmp_path, "--roles", "drums").err


def test_the_loops_are_shown_counted_and_credited(rolecall: Command, double: Zenodo, tmp_path: Path) -> None:
    fetched(rolecall, double, tmp_path)
    drums = table(rolecall, tmp_path)[1]
    assert rolecall("loops", "show", drums["loop_id"][:8], "--workspace", tmp_path, "--json").json() == drums
    assert rolecall("loops", "show", "zz", "--workspace", tmp_path).code == 2
    numbers = rolecall("loops", "stats", "--workspace", tmp_path, "--json").json()
    assert numbers["roles"] == {"bass": 2, "melody": 2, "percussion": 1}
    assert numbers["licence_classes"] == {"by": 2, "by-nc": 1, "cc0": 1}
    assert "4 loops" in rolecall("loops", "stats", "--workspace", tmp_path).out
    assert rolecall("loops", "credits", tmp_path / "out", "--workspace", tmp_path).code == 0
    assert (tmp_path / "out" / "ATTRIBUTION.md").read_text().count("https://freesound.org/s/") == 4


def test_the_road_of_the_paper_goes_from_the_record_to_a_model_that_is_scored(
    rolecall: Command, tmp_path: Path
) -> None:
    with zenodo(varied_fsld()) as running:
        assert fetched(rolecall, running, tmp_path).json()["loops"] == 30
    built = rolecall("dataset", "build", "paper", "--mixes", "60", "--workspace", tmp_path, "--json")
    assert built.code == 0, built.err
    roles = built.json()["roles"]
    assert set(roles) == {"bass", "percussion", "fx", "melody", "chords"}
    assert max(roles.values()) - min(roles.values()) <= 2
    brief = ("--width", 4, "--epochs", 1, "--steps", 2)
    trained = rolecall("train", "paper", *brief, "--workspace", tmp_path, "--json")
    assert trained.code == 0, trained.err
    scored = rolecall("evaluate", trained.json()["model_id"], "--on", "mixes", "--workspace", tmp_path, "--json")
    assert scored.code == 0, scored.err
    assert 0 < scored.json()["scores"]["macro_pr_auc"] <= 1
