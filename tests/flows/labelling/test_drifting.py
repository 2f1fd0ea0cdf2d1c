"""A track whose tempo drifts, from the file to SQL and the exports: everything is at the right second."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from flows.labelling.run_options import RunOptions
from flows.labelling.small_run import label_if_small
from storage.catalogue.corrections import Correction, Corrections
from storage.catalogue.ledger import Ledger
from storage.models import BUNDLED, ModelStore
from storage.published.queries import ask, open_catalogue
from storage.published.track_labels import TrackLabels, TrackSelection
from storage.vocabulary import ROLES
from storage.workspace import Workspace
from tasks.audio.decoding import decode
from tasks.exports.jams import jams_document
from tasks.exports.rekordbox import write_rekordbox
from tasks.labelling.batch import label_batch
from tasks.labelling.finding import Found, find_audio
from tasks.labelling.iram_document import iram_document
from tasks.labelling.request import LabelRecipe, LabelRequest
from tests.support.drifting import even_change, played_at
from tests.support.dummies import RATE, TRACKS, write

pytestmark = pytest.mark.slow

BPM, DURATION_S = 128.0, 120.0
"""Of what is played: the first two minutes of a real track, whose first phrase begins with the file."""

DRIFTING = played_at(
    decode(TRACKS / "loop_arrangement.ogg", RATE).samples[: round(DURATION_S * RATE)], even_change(0.03, DURATION_S)
)
CONSTANT, CHANGED = "constant.flac", "drifting.flac"
ONE = f"track_id = (SELECT track_id FROM tracks WHERE path LIKE '%{CHANGED}')"


def true_s(bar: float) -> float:
    """When a bar really begins."""
    return float(DRIFTING.at(np.array((bar - 1) * 240 / BPM)))


def label(folder: Path, workspace: Workspace) -> None:
    def find(_: Ledger) -> Found:
        return find_audio([folder])

    assert label_if_small(find, workspace.root, RunOptions()) is not None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audio")
    write(folder / CHANGED, DRIFTING.samples)
    write(folder / CONSTANT, decode(TRACKS / "loop_arrangement.ogg", RATE).samples[: 60 * RATE])
    return folder


@pytest.fixture(scope="module")
def workspace(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    label(folder, workspace)
    return workspace


@pytest.fixture
def exported(workspace: Workspace) -> Iterator[TrackLabels]:
    with open_catalogue(workspace) as connection:
        (track,) = TrackSelection.where(connection, ONE).labels_and_maps()
        yield track


def test_its_tempo_is_the_median_and_how_far_it_drifts_is_said(workspace: Workspace) -> None:
    rows = ask(workspace, "SELECT parse_filename(path), status, bpm, bpm_drift FROM tracks ORDER BY path").rows
    assert rows[0] == (CONSTANT, "labelled", pytest.approx(BPM, abs=0.02), None)
    assert rows[1][:2] == (CHANGED, "labelled")
    assert rows[1][2] == pytest.approx(BPM, rel=0.003)
    assert rows[1][3] == pytest.approx(0.03, abs=0.003)


@pytest.mark.parametrize("view", ["segments", "iram", "role_spans", "sections", "role_run('percussion', 4)"])
def test_stretches_of_bars_begin_and_end_with_their_bars(workspace: Workspace, view: str) -> None:
    rows = ask(workspace, f"SELECT start_bar, end_bar, start_s, end_s FROM {view} WHERE {ONE}").rows
    assert rows
    for start_bar, end_bar, start_s, end_s in rows:
        assert start_s == pytest.approx(true_s(start_bar), abs=0.03)
        assert end_s == pytest.approx(min(true_s(end_bar + 1), len(DRIFTING.samples) / RATE), abs=0.03)


@pytest.mark.parametrize("view", ["bars", "energy"])
def test_bars_begin_where_they_are_heard_and_end_where_the_next_begins(workspace: Workspace, view: str) -> None:
    rows = ask(workspace, f"SELECT bar, start_s, end_s FROM {view} WHERE {ONE} ORDER BY bar").rows
    assert [bar for bar, _, _ in rows] == list(range(1, 65))
    assert [start_s for _, start_s, _ in rows] == pytest.approx([true_s(bar) for bar, _, _ in rows], abs=0.03)
    assert [end_s for _, _, end_s in rows[:-1]] == [start_s for _, start_s, _ in rows[1:]]


def test_the_first_core_is_where_its_section_is(workspace: Workspace) -> None:
    core = ask(workspace, f"SELECT bar, start_s FROM first_core WHERE {ONE}").rows
    section = f"SELECT start_bar, start_s FROM sections WHERE {ONE} AND label = 'core' ORDER BY section LIMIT 1"
    assert core == ask(workspace, section).rows
    assert core


def test_its_map_is_that_of_the_same_music_at_one_tempo(workspace: Workspace) -> None:
    maps = f"SELECT s.{', s.'.join(ROLES)} FROM segments s JOIN tracks USING (track_id) WHERE segment < 7 AND path LIKE"
    constant, drifting = (
        np.array(ask(workspace, f"{maps} '%{name}' ORDER BY segment").rows, np.float64) for name in (CONSTANT, CHANGED)
    )
    assert np.abs(constant - drifting).mean() < 0.05


def test_a_run_over_it_again_does_nothing(folder: Path, workspace: Workspace) -> None:
    label(folder, workspace)
    assert ask(workspace, "SELECT found, unchanged, decoded FROM runs ORDER BY started_at DESC LIMIT 1").rows == [
        (2, 2, 0)
    ]


def test_rekordbox_gets_a_tempo_for_each_bar(exported: TrackLabels, tmp_path: Path) -> None:
    write_rekordbox([exported], tmp_path / "out.xml")
    track = ElementTree.parse(tmp_path / "out.xml").find("COLLECTION/TRACK")
    assert track is not None
    tempi = track.findall("TEMPO")
    assert [float(tempo.attrib["Inizio"]) for tempo in tempi] == pytest.approx(
        [true_s(bar) for bar in range(1, len(tempi) + 1)], abs=0.03
    )
    assert float(tempi[3].attrib["Bpm"]) == pytest.approx(240 / (true_s(5) - true_s(4)), rel=0.005)
    assert {(tempo.attrib["Metro"], tempo.attrib["Battito"]) for tempo in tempi} == {("4/4", "1")}
    for cue in track.findall("POSITION_MARK"):
        starts = [section.start_s for section in exported.sections] + [span.start_s for span in exported.role_spans]
        assert float(cue.attrib["Start"]) in [pytest.approx(start_s, abs=0.001) for start_s in starts]


def test_jams_has_beats_where_they_are(exported: TrackLabels) -> None:
    beats = next(one for one in jams_document(exported)["annotations"] if one["namespace"] == "beat")["data"]
    assert [beat["value"] for beat in beats[:8]] == [1, 2, 3, 4, 1, 2, 3, 4]
    assert [beat["time"] for beat in beats] == pytest.approx(
        [true_s(1 + number / 4) for number in range(len(beats))], abs=0.03
    )


def test_the_document_of_a_file_says_the_same_as_the_catalogue(folder: Path, workspace: Workspace) -> None:
    recipe = LabelRecipe.of(ModelStore(BUNDLED).load("default"))
    (outcome,) = label_batch([LabelRequest("key", str(folder / CHANGED))], recipe)
    document = json.loads(json.dumps(iram_document(outcome)))
    rows = ask(workspace, f"SELECT start_s, end_s FROM sections WHERE {ONE} ORDER BY section").rows
    assert [(one["start_s"], one["end_s"]) for one in document["sections"]] == [pytest.approx(row) for row in rows]
    assert ask(workspace, f"SELECT bpm, bpm_drift FROM tracks WHERE {ONE}").rows == [
        (document["bpm"], document["bpm_drift"])
    ]


def test_a_tempo_that_a_person_states_is_constant_from_the_next_run_on(folder: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "workspace")
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / CHANGED).write_bytes((folder / CHANGED).read_bytes())
    label(tmp_path / "audio", workspace)
    with Ledger.of(workspace) as ledger:
        corrections = Corrections(ledger)
        sound = corrections.audio_hash_of(str(tmp_path / "audio" / CHANGED))
        corrections.enter([(sound, Correction({}, 127.5, None))])
        ledger.publish()
    tempo = "SELECT bpm, bpm_drift FROM tracks"
    assert ask(workspace, tempo).rows == [(127.5, None)]
    label(tmp_path / "audio", workspace)
    assert ask(workspace, tempo).rows == [(127.5, None)]
    ((start_s,),) = ask(
        workspace, "SELECT start_s - first_downbeat_s FROM bars JOIN tracks USING (track_id) WHERE bar = 33"
    ).rows
    assert start_s == pytest.approx(32 * 240 / 127.5)
