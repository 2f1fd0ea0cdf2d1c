"""`import rolecall`: what a program gets without a command line, Prefect or Dask."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import rolecall
from storage.catalogue.ledger import Ledger
from storage.models import ModelStore
from storage.workspace import Workspace
from tests.support import failing_decoders
from tests.support.dummies import LOOPS, TRACKS, clicks, write

HEAVY = {"torch", "prefect", "distributed", "dask", "librosa", "duckdb", "numpy", "matplotlib", "pyarrow", "sklearn"}
TRACK = TRACKS / "dirtylove.ogg"


@pytest.fixture(scope="module")
def labels() -> rolecall.Labels:
    return rolecall.label(TRACK, bpm=177)


def test_the_import_loads_nothing_heavy() -> None:
    code = "import sys, rolecall; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)


def test_labelling_a_file_loads_no_prefect_and_no_dask() -> None:
    code = f"import sys, rolecall; rolecall.label({str(LOOPS / 'loop_tabla.ogg')!r}); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {name.split(".")[0] for name in loaded} & {"prefect", "dask", "distributed"}


def test_labels_have_roles_a_tempo_and_a_map(labels: rolecall.Labels) -> None:
    assert (labels.path, labels.kind) == (TRACK, "track")
    assert list(labels.roles) == list(rolecall.ROLES)
    assert {"percussion", "melody"} <= labels.active
    assert labels.tempo is not None
    assert (labels.tempo.bpm, labels.tempo.source) == (177, "manifest")
    assert labels.iram.to_numpy().shape == (len(labels.iram), 6)
    assert len(labels.iram) == 17
    assert labels.sections[0].start_bar == labels.iram.segments[0].start_bar


def test_the_map_reads_the_same_as_array_table_and_plot(labels: rolecall.Labels) -> None:
    array, table = labels.iram.to_numpy(), labels.iram.to_arrow()
    assert table.column_names == ["segment", "start_bar", "end_bar", "start_s", "end_s", *rolecall.ROLES]
    for place, role in enumerate(rolecall.ROLES):
        np.testing.assert_array_equal(table[role].to_numpy(), array[:, place])
    axes = labels.iram.plot()
    (mesh,) = axes.collections
    np.testing.assert_array_equal(np.asarray(mesh.get_array()), array.T)


def test_a_file_that_is_no_sound_raises_its_reason(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("not a sound")
    with pytest.raises(rolecall.LabelError, match=r"notes\.wav: unreadable: ") as caught:
        rolecall.label(tmp_path / "notes.wav")
    assert (caught.value.reason, caught.value.path) == ("unreadable", tmp_path / "notes.wav")


def test_a_tempo_that_nobody_states_is_given_in_the_range(tmp_path: Path) -> None:
    write(tmp_path / "beat.wav", clicks(100, 9.6))
    found = [rolecall.label(tmp_path / "beat.wav", bpm_range=asked).tempo for asked in (None, (150.0, 300.0))]
    assert [tempo and round(tempo.bpm) for tempo in found] == [100, 200]


def test_a_model_that_is_not_there_is_an_error_that_a_program_can_catch(tmp_path: Path) -> None:
    with pytest.raises(rolecall.UserError, match="nonesuch"):
        rolecall.label(TRACK, model="nonesuch", workspace=tmp_path)


@pytest.mark.slow
def test_many_files_are_answered_in_their_order_and_one_that_kills_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.labelling.pool._start", failing_decoders.start)
    names = ["first.wav", "kills.wav", "second.wav", "missing.wav", "third.wav"]
    for name in names:
        if name != "missing.wav":
            write(tmp_path / name, clicks(120, 8.0))
    answers = list(rolecall.label_many((tmp_path / name for name in names), processes=2))
    assert [answer.path.name for answer in answers] == names
    reasons = {answer.path.name: answer.reason for answer in answers if isinstance(answer, rolecall.LabelError)}
    assert reasons == {"kills.wav": "worker_killed", "missing.wav": "vanished"}


@pytest.mark.slow
def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import rolecall\n"
        f"for labels in rolecall.label_many([{str(LOOPS / 'loop_tabla.ogg')!r}], processes=1):\n"
        "    print(labels.kind, sorted(labels.active))\n"
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("loop ")


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[rolecall.Catalogue]:
    where = Workspace(tmp_path)
    card = ModelStore(where.models).load("default").card
    with Ledger.of(where) as ledger:
        ledger.register_model(card)
        ledger.activate_model(card.model_id)
        for number, (bpm, bass, vocal) in enumerate([(124, 0.99, 0.01), (128, 0.99, 0.99), (140, 0.01, 0.01)], start=1):
            ledger.connection.execute(
                "INSERT INTO ledger.file (path, size, mtime_ns, content_hash, label_key, shown_key, run_id, finding) "
                "VALUES (?, 1, 1, ?, ?, ?, 'run', 'new')",
                [f"/{number}.wav", f"bytes{number}", f"key{number}", f"key{number}"],
            )
            ledger.connection.execute(
                "INSERT INTO ledger.label (label_id, label_key, model_id, audio_hash, status, kind, duration_s, bpm, "
                "bpm_source, bpm_confidence, probabilities, run_id, labelled_at) "
                "VALUES (?, ?, ?, ?, 'labelled', 'loop', 8, ?, 'tag', 1, ?, 'run', now())",
                [number, f"key{number}", card.model_id, f"sound{number}", bpm, [bass, 0.01, 0.01, 0.01, 0.01, vocal]],
            )
        ledger.publish()
    with rolecall.Catalogue.open(where.catalogue) as opened:
        yield opened


def test_a_catalogue_answers_sql_with_parameters(catalogue: rolecall.Catalogue) -> None:
    assert catalogue.sql("SELECT path FROM tracks WHERE bpm > $bpm ORDER BY path", bpm=125).fetchall() == [
        ("/2.wav",),
        ("/3.wav",),
    ]


def test_tracks_are_found_by_roles_and_tempo(catalogue: rolecall.Catalogue) -> None:
    def paths(**wanted: object) -> list[str]:
        return [row[0] for row in catalogue.tracks(**wanted).project("path").fetchall()]  # type: ignore[arg-type]

    assert paths(roles={"bass"}) == ["/1.wav", "/2.wav"]
    assert paths(roles={"bass": True, "vocal": False}) == ["/1.wav"]
    assert paths(roles={"bass": False}) == ["/3.wav"]
    assert paths(bpm=(124, 128)) == ["/1.wav", "/2.wav"]
    assert paths() == ["/1.wav", "/2.wav", "/3.wav"]
    with pytest.raises(ValueError, match="drums is no role"):
        catalogue.tracks(roles={"drums"})
