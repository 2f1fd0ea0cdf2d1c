"""Every export is read back by a reader of its format and says what the catalogue says."""

import csv
import json
import os
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlparse
from xml.etree import ElementTree

import duckdb
import jams
import numpy as np
import pyarrow.dataset as ds
import pytest
from pyrekordbox.rbxml import RekordboxXml

from storage.paths import path_of
from storage.published.track_labels import TrackLabels, TrackSelection
from storage.vocabulary import ROLES
from tasks.exports.audacity import write_audacity
from tasks.exports.csv_table import write_csv
from tasks.exports.file_uris import file_uri
from tasks.exports.jams import write_jams
from tasks.exports.json_lines import write_json_lines
from tasks.exports.parquet_table import write_parquet
from tasks.exports.playlist import write_playlist
from tasks.exports.rekordbox import cues_of, write_rekordbox
from tests.tasks.exports.conftest import TRACKS

TEN_MS = 0.01


def bar_lines(track: TrackLabels) -> np.ndarray:
    """The seconds at which the bars of a track begin."""
    assert track.facts.bpm is not None
    assert track.facts.first_downbeat_s is not None
    return track.facts.first_downbeat_s + np.arange(65) * 240 / track.facts.bpm


def test_csv_has_a_row_a_track_with_every_fact_and_a_probability_a_role(
    tracks: list[TrackLabels], tmp_path: Path
) -> None:
    write_csv(tracks, tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == [track.facts.path for track in tracks]
    assert [float(rows[0][role]) for role in ROLES] == pytest.approx([0.95, 0.9, 0.1, 0.5, 0.2, 0.1])
    assert (rows[0]["roles"], rows[0]["unsure"]) == ("bass;percussion;melody", "melody")
    assert (rows[1]["roles"], rows[1]["bass"]) == ("percussion;melody", "0.0"), "what a person said"
    assert (rows[-1]["kind"], rows[-1]["bpm"], rows[-1]["status"]) == ("oneshot", "", "no_tempo")


def test_json_lines_hold_a_document_a_track_with_its_map_inside(tracks: list[TrackLabels], tmp_path: Path) -> None:
    write_json_lines(tracks, tmp_path / "out.jsonl")
    first, second, *rest = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert len(rest) == TRACKS
    assert first["roles"]["melody"] == {"probability": 0.5, "active": True, "unsure": True, "source": "model"}
    assert first["segments"][8]["active"] == ["bass", "percussion", "melody"]
    assert second["segments"][8]["active"] == ["percussion", "melody"], "a person says that it has no bass"
    assert first["segments"][8]["activations"]["melody"] == pytest.approx(0.7)
    assert [section["label"] for section in first["sections"]] == ["intro", "core", "outro"]
    assert [span["role"] for span in first["role_spans"]] == ["percussion", "bass", "melody"]


def test_parquet_is_one_table_partitioned_by_kind_for_arrow_and_duckdb(
    tracks: list[TrackLabels], tmp_path: Path
) -> None:
    write_parquet(tracks, tmp_path)
    table = ds.dataset(tmp_path, partitioning="hive").to_table()
    assert sorted(set(table["kind"].to_pylist())) == ["loop", "oneshot", "track"]
    row = table.filter(ds.field("track_id") == 1).to_pylist()[0]
    assert (row["roles"], row["bass"]) == (["bass", "percussion", "melody"], pytest.approx(0.95))
    assert [segment["bass"] > 0.5 for segment in row["segments"]] == [False] * 4 + [True] * 12
    outros = f"""
        SELECT count(*) FROM (SELECT unnest(sections) AS s FROM read_parquet('{tmp_path}/**/*.parquet'))
        WHERE s.label = 'outro' AND s.end_bar - s.start_bar = 15"""
    assert duckdb.sql(outros).fetchall() == [(TRACKS,)]


def test_jams_is_valid_and_its_beats_and_tags_lie_on_the_bars(tracks: list[TrackLabels], tmp_path: Path) -> None:
    chosen = [tracks[0], tracks[1], tracks[2], tracks[-2], tracks[-1]]
    write_jams(chosen, tmp_path)
    read = [jams.load(str(path)) for path in sorted(tmp_path.glob("*.jams"))]
    assert all(one.validate(strict=True) for one in read)
    assert [one.sandbox.path for one in read] == [track.facts.path for track in chosen]
    tags, beats = read[0].search(namespace="tag_open")[0], read[0].search(namespace="beat")[0]
    assert [one.time for one in tags.data if one.value == "bass"] == pytest.approx(bar_lines(tracks[0])[16:64:4])
    downbeats = [one.time for one in beats.data if one.value == 1]
    assert downbeats[:64] == pytest.approx(bar_lines(tracks[0])[: len(downbeats)][:64])
    assert read[0].search(namespace="tempo")[0].data[0].value == tracks[0].facts.bpm
    assert read[0].search(namespace="key_mode")[0].data[0].value == "F#:minor"
    assert read[2].search(namespace="key_mode")[0].data == []
    assert [one.value for one in read[0].search(namespace="segment_open")[0].data] == ["intro", "core", "outro"]
    assert [one.value for one in read[-1].search(namespace="tag_open")[0].data] == ["bass", "percussion", "melody"]
    assert len(read[-1].search(namespace="beat")[0].data) == 0


def test_rekordbox_reads_a_thousand_tracks_with_grids_and_cues_within_10_ms_of_the_bars(
    tracks: list[TrackLabels], tmp_path: Path
) -> None:
    write_rekordbox(tracks, tmp_path / "out.xml")
    read = RekordboxXml(tmp_path / "out.xml")
    assert read.num_tracks == len(tracks) == TRACKS + 2
    assert read.get_playlist("rolecall").get_tracks() == [track.facts.track_id for track in tracks]
    for track in tracks[:TRACKS]:
        found = read.get_track(TrackID=track.facts.track_id)
        (tempo,), cues, bars = found.tempos, found.marks, bar_lines(track)
        last_bar = tempo.Inizio + 64 * 240 / tempo.Bpm
        assert (tempo.Metro, tempo.Battito) == ("4/4", 1)
        assert abs(tempo.Inizio - bars[0]) < TEN_MS
        assert abs(last_bar - bars[64]) < TEN_MS
        assert [cue.Num for cue in cues] == [-1] * 4
        assert [cue.Name for cue in cues] == ["percussion in", "core, bass in", "melody in", "outro"]
        assert np.abs(np.array([cue.Start for cue in cues]) - bars[[0, 16, 32, 48]]).max() < TEN_MS
    assert not read.get_track(TrackID=TRACKS + 2).tempos


def test_rekordbox_finds_the_files_whatever_their_names(tracks: list[TrackLabels], tmp_path: Path) -> None:
    write_rekordbox(tracks[:5], tmp_path / "out.xml")
    found = [one.attrib["Location"] for one in ElementTree.parse(tmp_path / "out.xml").iterfind("COLLECTION/TRACK")]
    assert all(urlparse(location).netloc == "localhost" for location in found)
    paths = [unquote_to_bytes(urlparse(location).path) for location in found]
    assert paths == [os.fsencode(path_of(track.facts.path)) for track in tracks[:5]]
    assert b"H\xe9mo" in paths[1]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("/loops/a b#1.wav", "file://localhost/loops/a%20b%231.wav"),
        ("/loops/Hémo.wav", "file://localhost/loops/H%C3%A9mo.wav"),
        (r"/loops/H\xe9mo.wav", "file://localhost/loops/H%E9mo.wav"),
        (r"D:\Müsik\a.wav", "file://localhost/D:/M%C3%BCsik/a.wav"),
        ("d:/xe9/a.wav", "file://localhost/d:/xe9/a.wav"),
        (r"\\disk\share\a b.wav", "file://disk/share/a%20b.wav"),
    ],
)
def test_an_address_is_right_for_posix_and_windows(path: str, uri: str) -> None:
    assert file_uri(path, "localhost") == uri


def test_a_track_has_no_more_cues_than_a_player_shows_and_sections_come_first(tracks: list[TrackLabels]) -> None:
    span, outro = tracks[0].role_spans[0], tracks[0].sections[2]
    crowded = replace(
        tracks[0], role_spans=tuple(span._replace(start_s=float(second)) for second in range(20)), sections=(outro,)
    )
    cues = cues_of(crowded)
    assert (len(cues), cues[-1].name) == (10, "outro")
    assert all(before.start_s < after.start_s for before, after in pairwise(cues))


def test_audacity_labels_are_begin_end_and_word_on_a_line(tracks: list[TrackLabels], tmp_path: Path) -> None:
    write_audacity([tracks[0], tracks[-1]], tmp_path)
    track, oneshot = (path.read_text("utf-8").splitlines() for path in sorted(tmp_path.glob("*.txt")))
    words = {line.split("\t")[2]: tuple(map(float, line.split("\t")[:2])) for line in track}
    bars = bar_lines(tracks[0])
    assert words["melody"] == pytest.approx((bars[32], bars[48]), abs=1e-5)
    assert words["intro"] == pytest.approx((bars[0], bars[16]), abs=1e-5)
    assert oneshot == [f"0.000000\t8.000000\t{role}" for role in ("bass", "melody", "percussion")]


def test_a_playlist_has_three_kinds_of_lines_and_names_each_file(tracks: list[TrackLabels], tmp_path: Path) -> None:
    write_playlist(tracks[:5], tmp_path / "out.m3u8")
    head, *lines = (tmp_path / "out.m3u8").read_text("utf-8").splitlines()
    assert head == "#EXTM3U"
    assert lines[0] == "#EXTINF:192,0000 Ελλάδα 🥁"
    assert lines[1] == "/music/0000 Ελλάδα 🥁.mp3"
    assert lines[3] == "file:///music/0001%20H%E9mo.flac"
    assert lines[5] == "file:///music/0002%20a%0Ab.mp3"
    assert len(lines) == 10


def test_a_condition_chooses_tracks_and_one_that_is_none_is_refused(catalogue: duckdb.DuckDBPyConnection) -> None:
    assert len(TrackSelection.where(catalogue, "kind = 'track' AND track_id <= 7 -- a remark")) == 7
    assert len(TrackSelection.of(catalogue, "SELECT path FROM role_spans WHERE role = 'melody'")) == TRACKS
    assert len(TrackSelection.of(catalogue, "kind = 'loop'")) == 1
    for wrong in ("loudness > 3", "kind =", "true; SELECT 1", "SELECT bpm FROM tracks"):
        with pytest.raises(Exception, match=r"no condition over the view tracks|no column track_id"):
            TrackSelection.of(catalogue, wrong)


def test_the_folder_of_all_files_is_found(everything: TrackSelection) -> None:
    assert everything.common_folder() == Path("/music")


def test_a_catalogue_from_before_tempi_that_drift_is_exported(catalogue: duckdb.DuckDBPyConnection) -> None:
    earlier = catalogue.cursor()
    earlier.execute("CREATE TEMP VIEW tracks AS SELECT * EXCLUDE (bpm_drift) FROM memory.main.tracks")
    before, now = (
        list(TrackSelection.where(connection, "track_id < 4").labels_and_maps()) for connection in (earlier, catalogue)
    )
    assert before == now
    assert [track.facts.bpm_drift for track in before] == [None] * 3
